"""A message that was taken, and the handlers that work on such."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from notifier.broker.frames import headers_of

log = structlog.get_logger(__name__)

REJECT_AFTER = timedelta(seconds=1)
"""A handler that raises would otherwise get the same message back at once, again and again."""


class Delivery:
    """A message that was taken and is not settled yet.

    redelivered: it was delivered before and not acked; somebody may have acted on it.
    tag: what it is called where it is settled.
    """

    __slots__ = ("_ack", "_headers", "body", "redelivered", "tag")

    def __init__(
        self,
        body: bytes,
        headers: Mapping[str, Any] | bytes,
        *,
        redelivered: bool,
        ack: Callable[[int], None],
        tag: int = 0,
    ) -> None:
        """headers: as they are, or the payload of the content header that has them."""
        self.body = body
        self.redelivered = redelivered
        self.tag = tag
        self._headers = headers
        self._ack = ack

    @property
    def headers(self) -> Mapping[str, Any]:
        # Hardly ever asked for, and costly to read: a message that waited names where it did.
        if isinstance(self._headers, bytes):
            self._headers = headers_of(self._headers)
        return self._headers

    def ack(self) -> None:
        """Settle it. Leaves with the next write; harmless when repeated or after a reconnect."""
        self._ack(self.tag)


Handler = Callable[[Delivery], Coroutine[Any, Any, None]]


class Handlers:
    """Runs a handler for each delivery, in a task that is held.

    One that raises is logged, and its delivery rejected after REJECT_AFTER.
    """

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, handler: Handler, delivery: Delivery, reject: Callable[[int], None]) -> None:
        task = asyncio.create_task(handler(delivery))
        self._tasks.add(task)
        task.add_done_callback(partial(self._on_done, delivery, reject))

    async def idle(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_done(
        self, delivery: Delivery, reject: Callable[[int], None], task: asyncio.Task[None]
    ) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.error(
            "delivery.failed", queue=self._queue, redelivered=delivery.redelivered, exc_info=error
        )
        loop = asyncio.get_running_loop()
        loop.call_later(REJECT_AFTER.total_seconds(), reject, delivery.tag)
