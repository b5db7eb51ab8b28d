"""The calendar's worker: promotes, sweeps, and closes what died, tick by tick."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from notifier.dispatch.tally import Tally
from notifier.domain.message import Message
from notifier.errors import BrokerUnavailable, StoreUnavailable

log = structlog.get_logger(__name__)

Publish = Callable[[Sequence[tuple[Message, timedelta]]], Awaitable[None]]
SLOWEST_RETRY_S = 5.0


class Swept(Protocol):
    @property
    def count(self) -> int: ...
    @property
    def more(self) -> bool: ...


class ScheduleStore(Protocol):
    async def promote(self, publish: Publish) -> Swept: ...
    async def expire_leases(self, publish: Publish) -> Swept: ...
    async def sweep(self, publish: Publish, busy: Collection[int]) -> Swept: ...


class Calendar:
    """busy_tiers: the tiers whose queues have messages ready, asked of the broker."""

    def __init__(
        self,
        schedule: ScheduleStore,
        *,
        publish: Publish,
        busy_tiers: Callable[[], Awaitable[Collection[int]]],
        tick: timedelta,
        tally: Tally,
    ) -> None:
        self._schedule = schedule
        self._publish = publish
        self._busy_tiers = busy_tiers
        self._tick_s = tick.total_seconds()
        self._tally = tally

    async def run(self, draining: asyncio.Event) -> None:
        """Until draining; a server that is away is waited for."""
        wait_s = self._tick_s
        while not draining.is_set():
            try:
                more = await self.tick()
                wait_s = 0 if more else self._tick_s
            except (StoreUnavailable, BrokerUnavailable) as error:
                self._tally.failed(str(error))
                log.warning("calendar.waiting", error=str(error))
                wait_s = min(max(wait_s, self._tick_s) * 2, SLOWEST_RETRY_S)
            await _pause(draining, wait_s)

    async def tick(self) -> bool:
        """One look at everything; whether there is more to do at once."""
        promoted = self._told("promoted", await self._schedule.promote(self._publish))
        expired = self._told("expired", await self._schedule.expire_leases(self._publish))
        busy = await self._busy_tiers()
        swept = self._told("swept", await self._schedule.sweep(self._publish, busy))
        return promoted.more or expired.more or swept.more

    def _told(self, name: str, done: Swept) -> Swept:
        if done.count:
            self._tally.published(done.count)
            log.info(f"calendar.{name}", count=done.count)
        return done


async def _pause(draining: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    try:
        async with asyncio.timeout(seconds):
            await draining.wait()
    except TimeoutError:
        return
