"""A message that was taken, and the handlers that work on such."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

log = structlog.get_logger(__name__)

REJECT_AFTER = timedelta(seconds=1)
"""A handler that raises would otherwise get the same message back at once, again and again."""


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A message that was taken and is not settled yet.

    redelivered: it was delivered before and not acked; somebody may have acted on it.
    """

    body: bytes
    headers: Mapping[str, Any]
    redelivered: bool
    _ack: Callable[[], None] = field(repr=False)

    def ack(self) -> None:
        """Settle it. Leaves with the next write; harmless when repeated or after a reconnect."""
        self._ack()


Handler = Callable[[Delivery], Awaitable[None]]


class Handlers:
    """Runs a handler for each delivery, in a task that is held.

    One that raises is logged, and its delivery rejected after REJECT_AFTER.
    """

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, handler: Handler, delivery: Delivery, reject: Callable[[], None]) -> None:
        task = asyncio.create_task(self._run(handler, delivery, reject))
        self._tasks.add(task)
        self._idle.clear()
        task.add_done_callback(self._on_done)

    async def idle(self) -> None:
        await self._idle.wait()

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._idle.set()

    async def _run(self, handler: Handler, delivery: Delivery, reject: Callable[[], None]) -> None:
        try:
            await handler(delivery)
        except Exception:
            log.exception("delivery.failed", queue=self._queue, redelivered=delivery.redelivered)
            await asyncio.sleep(REJECT_AFTER.total_seconds())
            reject()
