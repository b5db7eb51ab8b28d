"""The database's time, carried on between its answers with this process's monotonic clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic

WAY = timedelta(milliseconds=0.5)
"""What a question takes to get to the database, about."""


class DatabaseClock:
    """Good enough to wait with; what is decided, the database decides by its own."""

    def __init__(self) -> None:
        self._known: tuple[datetime, float] | None = None

    def learn(self, now: datetime, asked_s: float) -> None:
        """now: the database's answer. asked_s: our clock when it was asked."""
        self._known = (now, asked_s)

    def left(self, due_at: datetime) -> timedelta | None:
        """Until the database will call it due; None where it does, or while nothing is known."""
        if self._known is None:
            return None
        now, asked_s = self._known
        if due_at <= now:
            return None
        return due_at + WAY - now - timedelta(seconds=monotonic() - asked_s)
