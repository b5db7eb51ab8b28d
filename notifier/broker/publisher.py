"""Publish a message so that its tier's queue gets it after a delay."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity, PublishError
from pamqp import commands as spec
from pamqp.common import FieldTable

from notifier.broker.codec import encode
from notifier.broker.confirms import Confirms
from notifier.broker.connection import Link
from notifier.broker.faults import answering
from notifier.broker.headers import dead_headers, fresh_headers
from notifier.broker.mechanism import APPLY, Address, Mechanism
from notifier.broker.topology import Topology
from notifier.broker.wire import DirectConnection, open_channel
from notifier.domain.message import Message
from notifier.errors import BrokerUnavailable, TopologyError

PERSISTENT = 2
# Longer than a quorum queue takes to elect a leader.
RENEW_AFTER = timedelta(seconds=5)


class Publisher:
    """Publishes over a link; any number of publishes may be under way at once.

    Those of one turn of the event loop leave in one write, and each returns when the broker
    confirmed it. While the link is down a publish raises at once and later ones work again.
    """

    def __init__(
        self,
        link: Link,
        topology: Topology,
        delay: Mechanism,
        *,
        confirm_within: timedelta,
        renew_after: timedelta,
    ) -> None:
        self._link = link
        self._renew_after_s = renew_after.total_seconds()
        self._opened_s = 0.0
        self._dead_queue = topology.dead_queue
        self._delay = delay
        self._timeout_s = confirm_within.total_seconds()
        self._confirms: Confirms | None = None
        self._plain: AbstractChannel | None = None
        self._unique = map(
            "{}{:x}".format, itertools.repeat(secrets.token_hex(4)), itertools.count()
        )

    @classmethod
    async def open(
        cls,
        link: Link,
        topology: Topology,
        delay: Mechanism,
        *,
        confirm_within: timedelta = timedelta(seconds=10),
        renew_after: timedelta = RENEW_AFTER,
    ) -> Publisher:
        """renew_after: how old a connection is that is given up because a message is refused."""
        publisher = cls(
            link, topology, delay, confirm_within=confirm_within, renew_after=renew_after
        )
        await link.use(publisher._attach)
        return publisher

    def can_hold(self, delay: timedelta) -> bool:
        """Whether the broker holds exactly this delay, to the millisecond."""
        return self._delay.delays.can_hold(delay)

    async def publish(self, message: Message, *, delay: timedelta) -> None:
        """Return when the broker confirmed that it holds the message for its tier's queue.

        delay: rounded up to whole milliseconds; zero or less means now.
        Raises InvalidInput for a delay that is not held, and BrokerUnavailable where there was no
        confirm in time: it may be held all the same.
        """
        await self._send(message, delay, self._delay.address(message.tier, delay))

    async def publish_many(self, messages: Iterable[tuple[Message, timedelta]]) -> None:
        """Publish (message, delay) pairs at once; return when all of them are confirmed.

        Raises BrokerUnavailable where one is not, after all have an answer.
        """
        pairs = [
            (message, delay, self._delay.address(message.tier, delay))
            for message, delay in messages
        ]
        futures = [self._send(*pair) for pair in pairs]
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def postpone(self, body: bytes, *, tier: int, delay: timedelta) -> None:
        """The same bytes again after a delay, for a reader that knows them.

        They come to the tier's queue, or to that of a tier that is long enough.
        Raises BrokerUnavailable.
        """
        address = self._delay.postponed(tier, delay)
        await self._put(address, body, self._delay.headers(delay), subject="postponed")

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
        queue = self._dead_queue
        try:
            with answering(f"publishing to {queue}"):
                # Not over the default exchange: the right to write there is one to every queue.
                await self._plain.basic_publish(
                    body,
                    exchange=self._delay.exchange,
                    routing_key=queue,
                    properties=properties,
                    mandatory=True,
                    timeout=self._timeout_s,
                )
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, PublishError):
                raise TopologyError(
                    f"queue {queue!r} is missing; run `notifier topology apply`"
                ) from error
            raise

    def _send(self, message: Message, delay: timedelta, address: Address) -> asyncio.Future[None]:
        subject = f"{message.notification_id}:{message.seq}"
        headers = fresh_headers(message, self._delay.headers(delay))
        return self._put(address, encode(message), headers, subject=subject)

    def _put(
        self, address: Address, body: bytes, headers: FieldTable, *, subject: str
    ) -> asyncio.Future[None]:
        if self._confirms is None:
            raise self._away()
        message_id = f"{subject}:{next(self._unique)}"
        return self._confirms.send(address, body, headers=headers, message_id=message_id)

    def _away(self) -> BrokerUnavailable:
        return BrokerUnavailable(f"not connected to RabbitMQ at {self._link.server.address}")

    async def _attach(self, transport: DirectConnection) -> None:
        timeout_s = self._link.server.timeout.total_seconds()
        self._plain = await transport.channel(timeout=timeout_s)
        channel = await open_channel(transport, confirms=True, timeout_s=timeout_s)
        confirms = Confirms(transport, channel, timeout_s=self._timeout_s, on_nack=self._on_nack)
        self._confirms = confirms
        self._opened_s = asyncio.get_running_loop().time()
        channel.on_return = partial(self._on_return, confirms)
        for opened in (channel, self._plain):
            opened.closing.add_done_callback(partial(self._detach, confirms))

    def _detach(self, confirms: Confirms, closing: asyncio.Future[None]) -> None:
        error = None if closing.cancelled() else closing.exception()
        reason = str(error or "connection closed")
        if isinstance(error, ChannelNotFoundEntity):
            reason += f"; {APPLY}"
        self._give_up(confirms, reason)

    def _on_nack(self) -> None:
        """RabbitMQ 3.10 refuses for as long as a node is away whatever comes over a channel that
        first used a queue when its leader died there. A new channel finds the new leader.
        """
        if asyncio.get_running_loop().time() - self._opened_s > self._renew_after_s:
            self._link.drop("RabbitMQ refuses messages")

    def _on_return(self, confirms: Confirms, queue: str) -> None:
        self._give_up(confirms, f"queue {queue!r} is missing; {APPLY}")

    def _give_up(self, confirms: Confirms, reason: str) -> None:
        confirms.fail(reason)
        if confirms is self._confirms:
            self._confirms = self._plain = None
            self._link.drop(reason)
