"""The work of one consumer process: take from its tier's queue, attempt, drain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import structlog

from notifier.dispatch.attempt import Attempts
from notifier.dispatch.ending import end
from notifier.dispatch.pauses import Pauses
from notifier.dispatch.ports import Delivery
from notifier.dispatch.run_log import BufferedRunLog
from notifier.dispatch.taking import Taking
from notifier.dispatch.tally import Tally
from notifier.domain.pause import tier_scope
from notifier.domain.worker import WorkerReport
from notifier.errors import StoreUnavailable

log = structlog.get_logger(__name__)

REFRESH_EVERY_S = 1.0


class Consumer(Protocol):
    @property
    def in_flight(self) -> int: ...

    async def consume(
        self, handler: Callable[[Delivery], Coroutine[Any, Any, None]], *, prefetch: int
    ) -> None: ...

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    async def stop_taking(self) -> None: ...

    async def idle(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TierParts:
    tier: int
    consumer: Consumer
    attempts: Attempts
    pauses: Pauses
    run_log: BufferedRunLog


class TierWorker:
    """open: connects everything, and closes it at the end."""

    def __init__(
        self,
        open_parts: Callable[[], AbstractAsyncContextManager[TierParts]],
        *,
        tally: Tally,
        concurrency: int,
    ) -> None:
        self._open = open_parts
        self._tally = tally
        self._concurrency = concurrency
        self._parts: TierParts | None = None

    async def run(self, *, ready: Callable[[], None], draining: asyncio.Event) -> None:
        async with self._open() as parts:
            self._parts = parts
            taking = self._taking(parts)
            await _refresh(parts.pauses, taking)
            async with _in_background(parts, taking):
                ready()
                await draining.wait()
                await taking.end()
                parts.attempts.drain()
                await parts.consumer.idle()

    def _taking(self, parts: TierParts) -> Taking:
        consume = partial(parts.consumer.consume, parts.attempts.handle, prefetch=self._concurrency)
        return Taking(parts.consumer, parts.pauses, scope=tier_scope(parts.tier), begin=consume)

    def report(self) -> WorkerReport:
        in_flight = self._parts.consumer.in_flight if self._parts else 0
        return replace(self._tally.report(), in_flight=in_flight)


@asynccontextmanager
async def _in_background(parts: TierParts, taking: Taking) -> AsyncIterator[None]:
    """If one of these dies, so does the worker; the supervisor starts a new one."""
    async with asyncio.TaskGroup() as group:
        tasks = (
            group.create_task(parts.run_log.run()),
            group.create_task(_keep_fresh(parts.pauses, taking)),
        )
        yield
        await end(tasks)


async def _keep_fresh(pauses: Pauses, taking: Taking) -> None:
    while True:
        await asyncio.sleep(REFRESH_EVERY_S)
        await _refresh(pauses, taking)


async def _refresh(pauses: Pauses, taking: Taking) -> None:
    try:
        await pauses.refresh()
    except StoreUnavailable as error:
        log.warning("pauses.not_refreshed", error=str(error))
    await taking.follow()
