"""A private RabbitMQ, MariaDB and Redis: for development, for tests and for the first run."""

from __future__ import annotations

from notifier.stack.process import StackError
from notifier.stack.server import Server, ServerStatus
from notifier.stack.stack import Stack

__all__ = ["Server", "ServerStatus", "Stack", "StackError"]
