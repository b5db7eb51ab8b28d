"""Tells the owners of tasks that were given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from notifier.dispatch.failpoint import pass_by
from notifier.dispatch.intake import AcceptedBatch
from notifier.errors import StoreConflict, StoreError, StoreUnavailable

log = structlog.get_logger(__name__)

EVERY_S = 1.0
AWAY_S = 5.0
MOST = 200


class UntoldStore(Protocol):
    async def are_there(self) -> bool: ...
    async def tell(self, most: int) -> AcceptedBatch: ...


class Fates:
    """A task is marked in the transaction that gives it up and unmarked in the one that accepts
    the push, so whoever dies in between, its owner is told, once.
    """

    def __init__(
        self, tasks: UntoldStore, hand_over: Callable[[AcceptedBatch], Awaitable[object]]
    ) -> None:
        """hand_over: publishes what is committed; never raises for a broker that is away."""
        self._tasks = tasks
        self._hand_over = hand_over

    async def run(self) -> None:
        """Until cancelled; a database that is away, or refuses, is tried again later.

        It must not cost the calendar, whose process this shares.
        """
        while True:
            wait_s = EVERY_S
            try:
                while await self._tasks.are_there() and await self.tell():
                    pass
            except StoreConflict:
                pass
            except StoreUnavailable as error:
                log.warning("fates.waiting", error=str(error))
                wait_s = AWAY_S
            except StoreError as error:
                log.error("fates.refused", error=str(error))
                wait_s = AWAY_S
            await asyncio.sleep(wait_s)

    async def tell(self) -> bool:
        """Some of them; whether any was told. Raises StoreUnavailable, StoreError."""
        batch = await self._tasks.tell(MOST)
        pass_by("fate_before_publish")
        await self._hand_over(batch)
        if batch.accepted:
            log.info("tasks.failures_told", count=len(batch.accepted))
        return bool(batch.accepted)
