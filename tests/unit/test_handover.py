"""A change of the delay mechanism goes through every row, however often it is disturbed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from notifier.dispatch.handover import BATCH, Place, hand_over
from notifier.errors import StoreConflict, StoreUnavailable

START = datetime(2026, 1, 1, tzinfo=UTC)


class Rows:
    """errors: raised instead of the next answers."""

    def __init__(self, *, scheduled: int, waiting: int) -> None:
        self.scheduled = scheduled
        self.waits = {number.to_bytes(16) for number in range(waiting)}
        self.errors: list[Exception] = []

    async def waiting(self) -> list[bytes]:
        return sorted(self.waits)

    async def give_back(self, ids: Sequence[bytes]) -> int:
        self._disturb()
        found = self.waits & set(ids)
        self.waits -= found
        return len(found)

    async def reschedule(self, after: Place) -> tuple[Place | None, int]:
        self._disturb()
        count = min(self.scheduled, BATCH)
        self.scheduled -= count
        return ((after[0] + timedelta(seconds=1), b"") if count else None), count

    def _disturb(self) -> None:
        if self.errors:
            raise self.errors.pop()


async def run(rows: Rows, said: list[int]) -> int:
    return await hand_over(rows, start=(START, b""), progress=said.append)


async def test_all_are_given_back_and_it_is_said_how_far_it_is() -> None:
    rows, said = Rows(scheduled=1200, waiting=700), list[int]()
    rows.errors = [StoreConflict("a fleet works on the same rows")] * 5

    assert await run(rows, said) == 700

    assert (rows.scheduled, rows.waits) == (0, set())
    assert said == [500, 1000, 1200, 1200, 1700, 1900]


async def test_what_was_interrupted_is_finished_by_the_same_again() -> None:
    rows = Rows(scheduled=1200, waiting=700)
    rows.errors = [StoreUnavailable("MySQL is away")]

    with pytest.raises(StoreUnavailable):
        await run(rows, [])
    assert await run(rows, []) == 700
    assert await run(rows, []) == 0
