"""Which channels rest, known to every process within a second."""

from __future__ import annotations

from datetime import datetime

from notifier.dispatch.ports import PauseStore


class Pauses:
    """A copy of the kept pauses; `refresh` it every second or so."""

    def __init__(self, store: PauseStore, *, who: str) -> None:
        self._store = store
        self._who = who
        self._ends: dict[str, datetime | None] = {}

    async def refresh(self) -> None:
        """Raises StoreUnavailable; the copy then stays as it is."""
        self._ends = dict(await self._store.read())

    def is_paused(self, channel: str, now: datetime) -> bool:
        """now: the database's time."""
        scope = f"channel:{channel}"
        if scope not in self._ends:
            return False
        end = self._ends[scope]
        return end is None or end > now

    def until(self, channel: str) -> datetime | None:
        """When the channel's rest ends; None where it does not rest, or nobody knows."""
        return self._ends.get(f"channel:{channel}")

    async def pause(self, channel: str, *, until: datetime, reason: str) -> None:
        """Known here at once, kept for the others. Raises StoreUnavailable."""
        scope = f"channel:{channel}"
        self._ends[scope] = until
        await self._store.pause(scope, until=until, reason=reason.strip()[:191], who=self._who)
