"""Which channels and endpoints rest, known to every process within a second."""

from __future__ import annotations

from collections.abc import Iterable
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

    @property
    def are_any(self) -> bool:
        """Whether anything at all rested when the copy was made."""
        return bool(self._ends)

    def rests(self, scope: str) -> bool:
        """Whether it did when the copy was made."""
        return scope in self._ends

    def is_paused(self, scopes: Iterable[str], now: datetime) -> bool:
        """Whether any of them rests. now: the database's time."""
        return any(self._rests(scope, now) for scope in scopes)

    def until(self, scopes: Iterable[str], now: datetime) -> datetime | None:
        """When the last of those that rest works again; None where nobody knows."""
        ends = [self._ends[scope] for scope in scopes if self._rests(scope, now)]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    async def pause(self, scope: str, *, until: datetime, reason: str) -> None:
        """Known here at once, kept for the others. Raises StoreUnavailable."""
        self._ends[scope] = until
        await self._store.pause(scope, until=until, reason=reason.strip()[:191], who=self._who)

    def _rests(self, scope: str, now: datetime) -> bool:
        if scope not in self._ends:
            return False
        end = self._ends[scope]
        return end is None or end > now
