"""The calendar's worker: promotes, sweeps, and closes what died, tick by tick."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from notifier.dispatch.tally import Tally
from notifier.domain.message import Message
from notifier.domain.notification import State
from notifier.errors import BrokerUnavailable, StoreUnavailable

log = structlog.get_logger(__name__)

Publish = Callable[[Sequence[tuple[Message, timedelta]]], Awaitable[None]]
SLOWEST_RETRY_S = 5.0
LOOK_S = 0.1
"""How often the next moment is asked for, where that matters: a new one may be nearer."""
BUSY_S = 0.04
"""Between two looks while rows come near; see AnyDelay.lead."""
TAKEN_S = 0.01
"""Until the next look at rows that another calendar holds locked."""


class Swept(Protocol):
    @property
    def count(self) -> int: ...
    @property
    def more(self) -> bool: ...


class ScheduleStore(Protocol):
    async def due(self) -> Collection[State]: ...
    async def promote(self, publish: Publish) -> Swept: ...
    async def until_next(self) -> timedelta | None: ...
    async def expire_leases(self, publish: Publish) -> Swept: ...
    async def sweep(self, publish: Publish, busy: Collection[int]) -> Swept: ...


class Calendar:
    """busy_tiers: the tiers whose queues have messages ready, asked of the broker.

    lead: how long before its moment a row is handed over. Where that is shorter than a tick, the
    calendar wakes for each.
    """

    def __init__(
        self,
        schedule: ScheduleStore,
        *,
        publish: Publish,
        busy_tiers: Callable[[], Awaitable[Collection[int]]],
        tick: timedelta,
        lead: timedelta,
        tally: Tally,
    ) -> None:
        self._schedule = schedule
        self._publish = publish
        self._busy_tiers = busy_tiers
        self._tick_s = tick.total_seconds()
        self._wakes = lead < tick
        self._tally = tally

    async def run(self, draining: asyncio.Event) -> None:
        """Until draining; a server that is away is waited for."""
        wait_s = self._tick_s
        while not draining.is_set():
            try:
                wait_s = await self.tick()
                if self._wakes and wait_s:
                    await self._keep_moments(draining)
                    wait_s = 0
            except (StoreUnavailable, BrokerUnavailable) as error:
                self._tally.failed(str(error))
                log.warning("calendar.waiting", error=str(error))
                wait_s = min(max(wait_s, self._tick_s) * 2, SLOWEST_RETRY_S)
            await _pause(draining, wait_s)

    async def _keep_moments(self, draining: asyncio.Event) -> None:
        """Until the next tick, hand over each row at its own moment."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._tick_s
        while (left_s := ends - loop.time()) > 0 and not draining.is_set():
            until_next = await self._schedule.until_next()
            if until_next is None or until_next > timedelta(0):
                next_s = LOOK_S if until_next is None else until_next.total_seconds()
                await _pause(draining, min(left_s, LOOK_S, max(next_s, 0.001)))
            elif not self._told("promoted", await self._schedule.promote(self._publish)).count:
                await _pause(draining, TAKEN_S)

    async def tick(self) -> float:
        """One look at everything; how long until the next one, s."""
        due = await self._schedule.due()
        done = []
        if State.SCHEDULED in due:
            done.append(self._told("promoted", await self._schedule.promote(self._publish)))
        if State.IN_FLIGHT in due:
            done.append(self._told("expired", await self._schedule.expire_leases(self._publish)))
        if State.WAITING in due:
            busy = await self._busy_tiers()
            done.append(self._told("swept", await self._schedule.sweep(self._publish, busy)))
        if any(one.more for one in done):
            return 0.0
        return self._tick_s if self._wakes else await self._until_near_s()

    async def _until_near_s(self) -> float:
        """Rows come near one by one and are handed over so: many at once hold up what is due."""
        left = await self._schedule.until_next()
        if left is None:
            return self._tick_s
        return min(max(left.total_seconds(), BUSY_S), self._tick_s)

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
