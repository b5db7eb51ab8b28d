"""The command line: one file per group of commands, no logic."""

from __future__ import annotations

from notifier.cli.app import main

__all__ = ["main"]
