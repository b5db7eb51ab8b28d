"""Take the messages of one queue, many at once, each acked when its handler says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity

from notifier.broker import frames
from notifier.broker.connection import Link
from notifier.broker.delivery import Delivery, Handler, Handlers
from notifier.broker.faults import answering
from notifier.broker.wire import DirectChannel, DirectConnection, Writer, open_channel
from notifier.errors import BrokerUnavailable, TopologyError


class Consumer:
    """Takes from one queue over a link, and goes on doing so after a reconnect.

    Each delivery's handler runs in a task of its own and acks before it returns; one that returns
    without leaves its delivery unacked until the connection ends. A handler that raises is logged
    and its message goes back to the queue after a second. A reconnect cancels no handler: what it
    acks then is delivered again.
    """

    def __init__(self, link: Link, queue: str) -> None:
        self.queue = queue
        self._link = link
        self._handler: Handler
        self._handlers = Handlers(queue)
        self._prefetch = 0
        self._taking = False
        self._changing = asyncio.Lock()
        self._session: _Session | None = None

    @property
    def in_flight(self) -> int:
        """Deliveries whose handler runs."""
        return len(self._handlers)

    async def consume(self, handler: Handler, *, prefetch: int) -> None:
        """Begin. prefetch: at most this many are unacked at once, 1 to 65535.

        Raises TopologyError where there is no such queue.
        """
        self._handler = handler
        self._prefetch = prefetch
        self._taking = True
        await self._link.use(self._attach)

    async def pause(self) -> None:
        """Take no new ones, not even after a reconnect; those taken go on and can be acked."""
        async with self._changing:
            self._taking = False
            if self._session is not None:
                await self._or_drop(self._session.cancel())

    async def resume(self) -> None:
        """Take again after a pause."""
        async with self._changing:
            self._taking = True
            if self._session is not None:
                await self._or_drop(self._session.consume())

    async def stop_taking(self) -> None:
        """Take no new ones any more; then `idle` tells when all that were taken are done."""
        await self.pause()

    async def idle(self) -> None:
        """Return when no handler runs."""
        await self._handlers.idle()

    async def close(self) -> None:
        """Stop, cancel the handlers that still run, send the acks, give back what is unacked."""
        await self.pause()
        self._link.forget(self._attach)
        await self._handlers.cancel()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _or_drop(self, request: Awaitable[None]) -> None:
        """A request that fails costs the connection; the next one begins in the wanted state."""
        try:
            with answering(f"consuming {self.queue}"):
                await request
        except BrokerUnavailable as error:
            self._link.drop(str(error))

    async def _attach(self, transport: DirectConnection) -> None:
        timeout_s = self._link.server.timeout.total_seconds()
        channel = await open_channel(transport, confirms=False, timeout_s=timeout_s)
        session = _Session(
            transport, channel, self.queue, on_delivery=self._on_delivery, timeout_s=timeout_s
        )
        channel.closing.add_done_callback(partial(self._detach, session))
        # A cancel by the broker: the queue was deleted, or an ack took longer than it allows.
        channel.on_consumer_cancel_callbacks.add(
            lambda _: self._link.drop(f"the broker cancelled the consumer of {self.queue}")
        )
        await channel.basic_qos(prefetch_count=self._prefetch, timeout=timeout_s)
        async with self._changing:
            self._session = session
            if self._taking:
                await session.consume()

    def _detach(self, session: _Session, closing: asyncio.Future[None]) -> None:
        error = None if closing.cancelled() else closing.exception()
        session.end()
        if session is self._session:
            self._session = None
            self._link.drop(str(error or "channel closed"))

    def _on_delivery(self, delivery: Delivery, reject: Callable[[int], None]) -> None:
        self._handlers.start(self._handler, delivery, reject)


class _Session:
    """The deliveries of one channel. Their tags die with it."""

    def __init__(
        self,
        transport: DirectConnection,
        channel: DirectChannel,
        queue: str,
        *,
        on_delivery: Callable[[Delivery, Callable[[int], None]], None],
        timeout_s: float,
    ) -> None:
        self._channel = channel
        self._queue = queue
        self._on_delivery = on_delivery
        self._timeout_s = timeout_s
        self._unsettled: dict[int, None] = {}
        self._acked: list[int] = []
        self._rejected: list[int] = []
        self._consumer_tag: str | None = None
        self._is_over = False
        self._writer = Writer(transport, self._collect)
        channel.on_delivery = self._on_content

    async def consume(self) -> None:
        """Raises TopologyError where the queue is missing or not for us."""
        if self._consumer_tag is not None:
            return
        try:
            answer = await self._channel.basic_consume(
                self._queue, _unused, timeout=self._timeout_s
            )
        except ChannelNotFoundEntity as error:
            raise TopologyError(
                f"queue {self._queue!r} is missing; run `notifier topology apply`"
            ) from error
        except ChannelAccessRefused as error:
            raise TopologyError(f"queue {self._queue!r}: {error}; give the user rights") from error
        self._consumer_tag = answer.consumer_tag

    async def cancel(self) -> None:
        tag, self._consumer_tag = self._consumer_tag, None
        if tag is not None:
            await self._channel.basic_cancel(tag, timeout=self._timeout_s)

    async def close(self) -> None:
        self._writer.finish()
        self._is_over = True
        with suppress(BrokerUnavailable), answering("closing"):
            await self._channel.close(timeout=self._timeout_s)

    def end(self) -> None:
        self._is_over = True
        self._writer.abandon()

    def _on_content(self, tag: int, redelivered: bool, header: bytes, body: bytes) -> None:
        if self._is_over:
            return
        self._unsettled[tag] = None
        delivery = Delivery(body, header, redelivered=redelivered, ack=self._ack, tag=tag)
        self._on_delivery(delivery, self._reject)

    def _ack(self, tag: int) -> None:
        self._settle(tag, self._acked)

    def _reject(self, tag: int) -> None:
        self._settle(tag, self._rejected)

    def _settle(self, tag: int, settled: list[int]) -> None:
        if self._is_over or tag not in self._unsettled:
            return
        del self._unsettled[tag]
        settled.append(tag)
        self._writer.wake()

    def _collect(self) -> bytes:
        """One ack for all that are older than the oldest unsettled, one for each other.

        The rejects go first: that one ack would settle them as well.
        """
        number = self._channel.number
        oldest = next(iter(self._unsettled), None)
        together = [tag for tag in self._acked if oldest is None or tag < oldest]
        written = [frames.reject(number, tag) for tag in self._rejected]
        if together:
            written.append(frames.ack(number, max(together), multiple=len(together) > 1))
        if oldest is not None:
            written += [frames.ack(number, tag) for tag in self._acked if tag > oldest]
        self._acked.clear()
        self._rejected.clear()
        return b"".join(written)


async def _unused(_: DeliveredMessage) -> None:
    """aiormq wants a callback; DirectChannel delivers past it."""
