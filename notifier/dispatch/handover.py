"""Change what holds the messages that wait, and lose none of them.

MySQL knows what is owed. So whatever the old mechanism or broker still holds is made stale (a new
`seq`), and the calendar hands every row over anew, by the mechanism that is recorded by then. To
die anywhere in between, or to do it twice, costs nothing but time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from notifier.errors import StoreConflict

Place = tuple[datetime, bytes]
Progress = Callable[[int], None]
Answer = TypeVar("Answer")
BATCH = 500
CONFLICTS_BORNE = 10
"""With a fleet that is at work on the same rows."""


class HandoverStore(Protocol):
    async def waiting(self) -> list[bytes]: ...

    async def give_back(self, ids: Sequence[bytes]) -> int: ...

    async def reschedule(self, after: Place) -> tuple[Place | None, int]: ...


async def hand_over(store: HandoverStore, *, start: Place, progress: Progress) -> int:
    """How many rows were given back to the calendar.

    start: before the first row. progress: is told how many rows were looked at so far. Raises
    StoreUnavailable, StoreError: some batches may be done; the same again does the others.
    """
    done = 0
    place: Place | None = start
    while place is not None:
        place, count = await _again(partial(store.reschedule, place))
        done += count
        progress(done)
    given_back = 0
    waiting = await store.waiting()
    for first in range(0, len(waiting), BATCH):
        batch = waiting[first : first + BATCH]
        given_back += await _again(partial(store.give_back, batch))
        done += len(batch)
        progress(done)
    return given_back


async def _again(do: Callable[[], Awaitable[Answer]]) -> Answer:
    for _ in range(CONFLICTS_BORNE):
        with suppress(StoreConflict):
            return await do()
    return await do()
