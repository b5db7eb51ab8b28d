"""Hand back what a dead process had claimed, so that nobody waits for its leases to run out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

WAITS_S = (0.0, 1.0, 5.0)
"""Before each try. After the last one the leases run out by themselves, or the sweeper comes."""
TRY_S = 10.0

logger = structlog.get_logger(__name__)

ReleaseLeases = Callable[[str], Awaitable[None]]


async def release_leases_of(worker_id: str, release: ReleaseLeases) -> None:
    """Try a few times; a failure is logged and goes no further."""
    for wait_s in WAITS_S:
        await asyncio.sleep(wait_s)
        try:
            async with asyncio.timeout(TRY_S):
                await release(worker_id)
        except Exception as error:  # the fleet must not end for what the lease's end mends
            logger.warning("leases_not_released", worker_id=worker_id, reason=repr(error))
        else:
            logger.info("leases_released", worker_id=worker_id)
            return
