"""notifier: orders are accepted, and wait in the first tier's queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import uvloop

from benchmarks.peers.programs.job import asked, timed, url_of
from notifier.dispatch.intake import Intake
from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.settings import read_settings
from notifier.wiring.entry import open_intake

BATCH = 250
LANES = 2


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
        delay=timedelta(seconds=1),
    )


async def main() -> None:
    """To fill and to publish are the same: there is no message without a row."""
    _, orders = asked()
    batches = iter([orders[at : at + BATCH] for at in range(0, len(orders), BATCH)])
    async with open_intake(read_settings()) as intake:
        with timed():
            await asyncio.gather(*(_accept(intake, batches) for _ in range(LANES)))


async def _accept(intake: Intake, batches: Iterator[range]) -> None:
    for batch in batches:
        receipt = await intake.accept([submission_of(order_id) for order_id in batch])
        if receipt.held_up:
            raise SystemExit(receipt.held_up)


if __name__ == "__main__":
    uvloop.run(main())
