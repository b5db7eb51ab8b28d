"""Publish a message so that its tier's queue gets it after a delay."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial

import pamqp.frame
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import DeliveryError, PublishError
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from notifier.broker.codec import encode
from notifier.broker.connection import LOST, Link
from notifier.broker.headers import MILLISECOND, dead_headers, fresh_headers
from notifier.broker.topology import Topology
from notifier.broker.wire import Confirm, DirectChannel, Writer, open_channel
from notifier.domain.message import Message
from notifier.errors import BrokerUnavailable, InvalidInput, TopologyError

PERSISTENT = 2
LONGEST_DELAY = (2**32 - 1) * MILLISECOND
"""Source: README of RabbitMQ's plugin; a longer one would be routed at once, without an error."""


class Publisher:
    """Publishes over a link; any number of publishes may be under way at once.

    Those of one turn of the event loop leave in one write, and each returns when the broker
    confirmed it. While the link is down a publish raises at once and later ones work again.
    """

    def __init__(self, link: Link, topology: Topology, *, confirm_within: timedelta) -> None:
        self._link = link
        self._topology = topology
        self._timeout_s = confirm_within.total_seconds()
        self._session: _Session | None = None
        self._plain: AbstractChannel | None = None
        self._unique = map(
            "{}{:x}".format, itertools.repeat(secrets.token_hex(4)), itertools.count()
        )

    @classmethod
    async def open(
        cls, link: Link, topology: Topology, *, confirm_within: timedelta = timedelta(seconds=10)
    ) -> Publisher:
        publisher = cls(link, topology, confirm_within=confirm_within)
        await link.use(publisher._attach)
        return publisher

    @staticmethod
    def can_hold(delay: timedelta) -> bool:
        """Whether the exchange holds exactly this delay, to the millisecond."""
        return delay <= LONGEST_DELAY

    async def publish(self, message: Message, *, delay: timedelta) -> None:
        """Return when the broker confirmed that it holds the message for its tier's queue.

        delay: rounded up to whole milliseconds; zero or less means now.
        Raises BrokerUnavailable where there was no confirm in time: it may be held all the same.
        """
        await self._send(message, delay)

    async def publish_many(self, messages: Iterable[tuple[Message, timedelta]]) -> None:
        """Publish (message, delay) pairs at once; return when all of them are confirmed.

        Raises BrokerUnavailable where one is not, after all have an answer.
        """
        futures = [self._send(message, delay) for message, delay in messages]
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def postpone(self, body: bytes, *, tier: int, delay: timedelta) -> None:
        """The same bytes to the tier's queue again after a delay, for a reader that knows them.

        Raises BrokerUnavailable.
        """
        if self._session is None:
            raise self._away()
        properties = spec.Basic.Properties(
            content_type="application/json",
            delivery_mode=PERSISTENT,
            headers={"x-delay": delay // MILLISECOND},
            message_id=f"postponed:{next(self._unique)}",
        )
        await self._session.send(self._topology.queue_of(tier), body, properties)

    async def publish_dead(self, body: bytes, headers: Mapping[str, object], reason: str) -> None:
        """Put the bytes, untouched, into the dead queue; the reason is its header.

        Raises BrokerUnavailable, and TopologyError where there is no dead queue.
        """
        if self._plain is None:
            raise self._away()
        properties = spec.Basic.Properties(
            delivery_mode=PERSISTENT,
            headers=dead_headers(headers, reason),
            message_id=f"dead:{next(self._unique)}",
        )
        queue = self._topology.dead_queue
        try:
            await self._plain.basic_publish(
                body,
                routing_key=queue,
                properties=properties,
                mandatory=True,
                timeout=self._timeout_s,
            )
        except PublishError as error:
            raise TopologyError(
                f"queue {queue!r} is missing; run `notifier topology apply`"
            ) from error
        except (DeliveryError, *LOST) as error:
            raise BrokerUnavailable(f"{queue}: not confirmed ({error!r})") from error

    def _send(self, message: Message, delay: timedelta) -> asyncio.Future[None]:
        if self._session is None:
            raise self._away()
        check_delay(delay)
        properties = spec.Basic.Properties(
            content_type="application/json",
            delivery_mode=PERSISTENT,
            headers=fresh_headers(message, delay),
            message_id=f"{message.notification_id}:{message.seq}:{next(self._unique)}",
        )
        queue = self._topology.queue_of(message.tier)
        return self._session.send(queue, encode(message), properties)

    def _away(self) -> BrokerUnavailable:
        return BrokerUnavailable(f"not connected to RabbitMQ at {self._link.server.address}")

    async def _attach(self, transport: AbstractConnection) -> None:
        timeout_s = self._link.server.timeout.total_seconds()
        self._plain = await transport.channel(timeout=timeout_s)
        channel = await open_channel(transport, confirms=True, timeout_s=timeout_s)
        session = _Session(channel, self._topology.exchange, timeout_s=self._timeout_s)
        self._session = session
        for opened in (channel, self._plain):
            opened.closing.add_done_callback(partial(self._detach, session))

    def _detach(self, session: _Session, closing: asyncio.Future[None]) -> None:
        error = None if closing.cancelled() else closing.exception()
        reason = str(error or "connection closed")
        session.fail(reason)
        if session is self._session:
            self._session = self._plain = None
            self._link.drop(reason)


def check_delay(delay: timedelta) -> None:
    """Raises InvalidInput for one that no exchange holds."""
    if delay > LONGEST_DELAY:
        raise InvalidInput("delay", f"{delay} is longer than {LONGEST_DELAY}")


class _Session:
    """The publishes of one channel: frames that wait to be written, futures that wait for confirms.

    Confirms count from 1 on each channel. Source: RabbitMQ, Publisher Confirms.
    """

    def __init__(self, channel: DirectChannel, exchange: str, *, timeout_s: float) -> None:
        self._channel = channel
        self._exchange = exchange
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._frames: list[bytes] = []
        self._methods: dict[str, bytes] = {}
        self._pending: dict[int, tuple[asyncio.Future[None], float]] = {}
        self._last_tag = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writer = Writer(channel, self._collect)
        channel.on_confirm = self._on_confirm

    def send(
        self, queue: str, body: bytes, properties: spec.Basic.Properties
    ) -> asyncio.Future[None]:
        number = self._channel.number
        header = ContentHeader(body_size=len(body), properties=properties)
        frames = (
            self._method(queue),
            pamqp.frame.marshal(header, number),
            pamqp.frame.marshal(ContentBody(body), number),
        )
        if not self._frames:
            self._writer.wake()
        self._frames.extend(frames)
        self._last_tag += 1
        future = self._loop.create_future()
        self._pending[self._last_tag] = (future, self._loop.time() + self._timeout_s)
        self._watch()
        return future

    def fail(self, reason: str) -> None:
        self._writer.abandon()
        if self._timer is not None:
            self._timer.cancel()
        error = BrokerUnavailable(f"RabbitMQ did not confirm: {reason}")
        self._settle(self._last_tag, error)

    def _method(self, queue: str) -> bytes:
        frame = self._methods.get(queue)
        if frame is None:
            publish = spec.Basic.Publish(exchange=self._exchange, routing_key=queue)
            frame = self._methods[queue] = pamqp.frame.marshal(publish, self._channel.number)
        return frame

    def _collect(self) -> bytes:
        frames = b"".join(self._frames)
        self._frames.clear()
        return frames

    def _on_confirm(self, frame: Confirm) -> None:
        error = None
        if not isinstance(frame, spec.Basic.Ack):
            error = BrokerUnavailable("RabbitMQ refused the message (basic.nack)")
        tag = frame.delivery_tag or self._last_tag
        if getattr(frame, "multiple", False):
            self._settle(tag, error)
        elif tag in self._pending:
            _answer(self._pending.pop(tag)[0], error)

    def _watch(self) -> None:
        """One timer, for the oldest; a timer for each publish would cost more than the publish."""
        if self._timer is None and self._pending:
            _, deadline = next(iter(self._pending.values()))
            self._timer = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._loop.time()
        late = [tag for tag, (_, deadline) in self._pending.items() if deadline <= now]
        error = BrokerUnavailable(f"RabbitMQ did not confirm within {self._timeout_s} s")
        self._settle(max(late, default=0), error)
        self._watch()

    def _settle(self, up_to: int, error: BrokerUnavailable | None) -> None:
        """Answer all pending ones up to this tag; they are in the order of their tags."""
        for tag in list(itertools.takewhile(lambda tag: tag <= up_to, self._pending)):
            _answer(self._pending.pop(tag)[0], error)


def _answer(future: asyncio.Future[None], error: BrokerUnavailable | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
