"""notifier: orders are accepted, and wait in the first tier's queue."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import monotonic

from benchmarks.peers.programs.job import asked, url_of
from notifier.dispatch.intake import MOST_AT_ONCE
from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.settings import read_settings
from notifier.wiring.entry import open_intake
from notifier.wiring.fleet import queue_depths

WITHIN_S = 60


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


async def fill(orders: range) -> None:
    settings = read_settings()
    async with open_intake(settings) as intake:
        for first in range(0, len(orders), MOST_AT_ONCE):
            some = orders[first : first + MOST_AT_ONCE]
            receipt = await intake.accept([submission_of(order_id) for order_id in some])
            if receipt.held_up:
                raise SystemExit(receipt.held_up)
    until_s = monotonic() + WITHIN_S
    while (await queue_depths(settings) or {}).get(settings.fleet.tiers[0]) != len(orders):
        if monotonic() > until_s:
            raise SystemExit("not all came to the first tier's queue")
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(fill(asked()))
