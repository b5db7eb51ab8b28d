"""A delayed exchange with a work queue behind it, and what arrives there when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import (
    AbstractChannel,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
)
from aiormq.abc import FieldValue

TYPE = "x-delayed-message"
_IN_FLIGHT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message as it was delivered, with the moment (Unix time, s)."""

    body: bytes
    at_s: float
    message: AbstractIncomingMessage


@dataclass(slots=True, kw_only=True)
class Rig:
    """Publishes into `exchange` and collects what comes out of `queue`."""

    channel: AbstractChannel
    exchange: AbstractExchange
    queue: AbstractQueue
    arrivals: list[Arrival] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.exchange.name

    async def publish(
        self,
        body: bytes,
        x_delay: FieldValue = None,
        *,
        key: str = "k",
        headers: dict[str, FieldValue] | None = None,
        expiration: float | None = None,
    ) -> object:
        """The broker's confirm, or what it returned; `x_delay` None leaves the header out."""
        delay: dict[str, FieldValue] = {} if x_delay is None else {"x-delay": x_delay}
        message = aio_pika.Message(
            body,
            headers={**(headers or {}), **delay},
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            expiration=expiration,
        )
        return await self.exchange.publish(message, key, mandatory=True)

    async def publish_all(self, messages: Sequence[tuple[bytes, int]], *, key: str = "k") -> None:
        """Publish (body, delay in ms) with many in flight; returns when all are confirmed."""
        for start in range(0, len(messages), _IN_FLIGHT):
            chunk = messages[start : start + _IN_FLIGHT]
            await asyncio.gather(*(self.publish(body, delay, key=key) for body, delay in chunk))

    async def consume(self) -> None:
        """Collect from now on."""
        await self.queue.consume(self._on_message)

    async def wait_for(self, count: int, *, within_s: float) -> list[Arrival]:
        """The arrivals so far, once there are `count` of them; fails with what is there."""
        deadline = time.monotonic() + within_s
        while len(self.arrivals) < count:
            assert time.monotonic() < deadline, f"{len(self.arrivals)} of {count} arrived"
            await asyncio.sleep(0.005)
        return self.arrivals

    async def wait_for_all(self, bodies: Set[bytes], *, within_s: float) -> None:
        """Return when each of `bodies` has arrived, some of them perhaps twice."""
        deadline = time.monotonic() + within_s
        while missing := bodies - {arrival.body for arrival in self.arrivals}:
            assert time.monotonic() < deadline, f"{len(missing)} of {len(bodies)} are missing"
            await asyncio.sleep(0.05)

    async def _on_message(self, message: AbstractIncomingMessage) -> None:
        self.arrivals.append(Arrival(body=message.body, at_s=time.time(), message=message))
        await message.ack()


async def declare_exchange(
    channel: AbstractChannel,
    name: str,
    delayed_type: str | None = "direct",
    *,
    alternate: str | None = None,
) -> AbstractExchange:
    """Declare a durable delayed exchange as a client would."""
    arguments: dict[str, FieldValue] = {}
    if delayed_type is not None:
        arguments["x-delayed-type"] = delayed_type
    if alternate is not None:
        arguments["alternate-exchange"] = alternate
    return await channel.declare_exchange(name, TYPE, durable=True, arguments=arguments)


async def declare_queue(channel: AbstractChannel, name: str) -> AbstractQueue:
    """Declare a quorum queue, which unlike a classic one is on disk when it confirms."""
    return await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})


async def build(channel: AbstractChannel, name: str, delayed_type: str = "direct") -> Rig:
    """Exchange `name`, queue `name.work` bound with key `k`; nothing is consumed yet."""
    exchange = await declare_exchange(channel, name, delayed_type)
    queue = await declare_queue(channel, f"{name}.work")
    await queue.bind(exchange, "k")
    return Rig(channel=channel, exchange=exchange, queue=queue)


async def next_message(queue: AbstractQueue) -> AbstractIncomingMessage:
    """The oldest message of `queue`, not yet acknowledged; waits up to 5 s for it."""
    deadline = time.monotonic() + 5
    while (message := await queue.get(fail=False)) is None:
        assert time.monotonic() < deadline, f"nothing arrives in {queue.name}"
        await asyncio.sleep(0.01)
    return message


async def take(queue: AbstractQueue, wanted: int) -> list[bytes]:
    """The next `wanted` bodies of `queue`, oldest first; they are gone from it afterwards."""
    bodies: list[bytes] = []
    while len(bodies) < wanted:
        message = await next_message(queue)
        assert not message.redelivered, message
        await message.ack()
        bodies.append(message.body)
    return bodies


async def count(channel: AbstractChannel, queue: str) -> int:
    """How many messages `queue` holds; fails if there is no such queue."""
    found = await channel.declare_queue(queue, passive=True)
    return found.declaration_result.message_count or 0


async def wait_for_count(channel: AbstractChannel, queue: str, wanted: int) -> None:
    """Poll until `queue` holds `wanted` messages."""
    deadline = time.monotonic() + 10
    while (found := await count(channel, queue)) != wanted:
        assert time.monotonic() < deadline, f"{found} of {wanted} in {queue}"
        await asyncio.sleep(0.02)
