from __future__ import annotations

import asyncio
from contextlib import suppress

from notifier.dispatch.ending import end


async def _keeps_to_itself(cancellations: int) -> None:
    for _ in range(cancellations):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
    await asyncio.sleep(3600)


async def test_a_task_that_keeps_a_cancellation_to_itself_is_ended_all_the_same() -> None:
    tasks = [asyncio.create_task(_keeps_to_itself(number)) for number in range(3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end(tasks)
    assert all(task.cancelled() for task in tasks)
