"""A RabbitMQ consumer fleet with tiered retry that can prove who was told, when, and why not.

From a program of your own: `from notifier import Notifier`, or AsyncNotifier; see notifier.client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notifier.client.asynchronous import AsyncNotifier
    from notifier.client.blocking import Notifier
    from notifier.domain.notice import Notice
    from notifier.domain.submission import Accepted

__all__ = ["Accepted", "AsyncNotifier", "Notice", "Notifier", "__version__"]

__version__ = "0.1.0"

_FOUND_IN = {
    "Accepted": "notifier.domain.submission",
    "AsyncNotifier": "notifier.client.asynchronous",
    "Notice": "notifier.domain.notice",
    "Notifier": "notifier.client.blocking",
}


def __getattr__(name: str) -> object:
    """Drivers are loaded when one of these is asked for, not with `import notifier`."""
    if name not in _FOUND_IN:
        raise AttributeError(f"module 'notifier' has no attribute {name!r}")
    return getattr(import_module(_FOUND_IN[name]), name)
