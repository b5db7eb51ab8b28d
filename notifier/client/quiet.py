"""Logging inside a program of somebody else."""

from __future__ import annotations

import logging

import structlog

from notifier.logs import hide_secrets


def log_as_a_library() -> None:
    """Events go to the standard library's `logging`, unless the program has set structlog up."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            hide_secrets,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.getLogger("notifier").addHandler(logging.NullHandler())
