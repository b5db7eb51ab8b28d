"""Submissions through intake, batch by batch, their ids on disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from time import monotonic

from notifier.dispatch.intake import Intake, Receipt
from notifier.domain.submission import Submission
from notifier.errors import StoreUnavailable
from notifier.loadtest.ids_file import IdsFile
from notifier.loadtest.judge import Promise
from notifier.loadtest.load import Load
from notifier.loadtest.watch import Tally

BATCH = 250
LANES = 2
"""Batches under way at once, so that the database and the broker both have work."""
PACE_S = 0.02
"""What is due within this time arrives together, as with any busy back end."""
LANES_PACED = 8
"""A slow batch must not make the next one late."""


class Generator:
    def __init__(self, load: Load, intake: Intake, *, ids: IdsFile, tally: Tally) -> None:
        self._load = load
        self._intake = intake
        self._ids = ids
        self._tally = tally

    async def run(self, rate: float | None) -> None:
        """rate: a second, evenly; None: as fast as they are accepted.

        Raises StoreUnavailable where MySQL stays away, StoreError.
        """
        lanes = asyncio.Semaphore(LANES if rate is None else LANES_PACED)
        async with asyncio.TaskGroup() as group:
            async for numbers in paced(self._load.plan.count, rate):
                await lanes.acquire()
                group.create_task(self._accept(numbers, lanes.release))

    async def _accept(self, numbers: range, done: Callable[[], None]) -> None:
        try:
            submissions = self._load.submissions(numbers)
            receipt = await self._patiently(submissions)
            await self._ids.append(
                [
                    Promise(
                        order_no=submission.order_no,
                        notification_id=str(accepted.id),
                        whom=self._load.whom(number),
                    )
                    for number, submission, accepted in zip(
                        numbers, submissions, receipt.accepted, strict=True
                    )
                ]
            )
            self._tally.accept(len(numbers), held_up=receipt.held_up)
        finally:
            done()

    async def _patiently(self, submissions: Sequence[Submission]) -> Receipt:
        """Their dedupe keys make it safe to repeat what may have been accepted."""
        for patience_s in (0.2, 0.5, 1.0, 2.0):
            try:
                return await self._intake.accept(submissions)
            except StoreUnavailable:
                await asyncio.sleep(patience_s)
        return await self._intake.accept(submissions)


async def paced(count: int, rate: float | None) -> AsyncIterator[range]:
    """The numbers below `count`, in their order, each batch when its first one is due."""
    if rate is None:
        for numbers in batches(count):
            yield numbers
        return
    began, done = monotonic(), 0
    while done < count:
        wait_s = began + done / rate - monotonic()
        await asyncio.sleep(max(wait_s, PACE_S if done else 0))
        due = min(count, done + BATCH, int((monotonic() - began) * rate) + 1)
        if due > done:
            yield range(done, due)
            done = due


def batches(count: int) -> list[range]:
    return [range(first, min(first + BATCH, count)) for first in range(0, count, BATCH)]
