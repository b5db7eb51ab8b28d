"""notifier: orders are accepted, and wait in the first tier's queue.

Besides what all can: `wait FIRST COUNT` accepts others, which wait for an hour; `steady FIRST COUNT
RATE` accepts orders a second before each is due, so many a second, each due at a moment of its own.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import uvloop

from benchmarks.peers.programs.job import asked, timed, url_of
from notifier.dispatch.intake import Intake
from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.settings import read_settings
from notifier.wiring.entry import open_intake

BATCH = 250
LANES = 2
LANES_STEADY = 8
"""A slow batch must not make the next one late."""
PACE_S = 0.01
DELAY = timedelta(seconds=1)
"""The first tier's."""


def submission_of(order_id: int) -> Submission:
    return Submission(
        role=Role.DESIGNER,
        channel=ChannelName.WEBHOOK,
        recipient=url_of(order_id),
        order_book="orders",
        order_no=f"peer-{order_id}",
        order_id=order_id,
        designer_id=7,
        designer_name="peer",
        delay=DELAY,
    )


def other_of(number: int) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WEBHOOK,
        recipient=url_of(number),
        order_no=f"other-{number}",
        delay=timedelta(hours=1),
    )


async def main() -> None:
    """To fill and to publish are the same: there is no message without a row."""
    what, orders = asked()
    async with open_intake(read_settings()) as intake:
        if what == "steady":
            await accept_steadily(intake, orders, rate=float(sys.argv[4]))
            return
        with timed():
            await accept_all(intake, orders, other_of if what == "wait" else submission_of)


async def accept_all(
    intake: Intake, orders: range, submission: Callable[[int], Submission]
) -> None:
    batches = iter([orders[at : at + BATCH] for at in range(0, len(orders), BATCH)])

    async def lane() -> None:
        for batch in batches:
            await _accept(intake, map(submission, batch))

    await asyncio.gather(*(lane() for _ in range(LANES)))


async def accept_steadily(intake: Intake, orders: range, *, rate: float) -> None:
    began, lanes = datetime.now(UTC), asyncio.Semaphore(LANES_STEADY)

    def submission(order_id: int) -> Submission:
        due_at = began + DELAY + timedelta(seconds=(order_id - orders.start) / rate)
        return replace(submission_of(order_id), due_at=due_at, delay=None)

    async def accept(batch: range) -> None:
        async with lanes:
            await _accept(intake, map(submission, batch))

    with timed():
        async with asyncio.TaskGroup() as group:
            async for batch in _paced(orders, began, rate):
                group.create_task(accept(batch))


async def _paced(orders: range, began: datetime, rate: float) -> AsyncIterator[range]:
    done = 0
    while done < len(orders):
        passed_s = (datetime.now(UTC) - began).total_seconds()
        due = min(len(orders), done + BATCH, int(passed_s * rate) + 1)
        if due > done:
            yield orders[done:due]
            done = due
        await asyncio.sleep(PACE_S)


async def _accept(intake: Intake, submissions: Iterable[Submission]) -> None:
    receipt = await intake.accept(list(submissions))
    if receipt.held_up:
        raise SystemExit(receipt.held_up)


if __name__ == "__main__":
    uvloop.run(main())
