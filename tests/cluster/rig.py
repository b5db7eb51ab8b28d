"""Publishers and consumers that outlive the node they were connected to, and what they saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import DeliveryError

from tests.cluster.nodes import Cluster, Node
from tests.exchange.rig import count, declare_exchange, declare_queue

_IN_FLIGHT = 500
# How many messages a consumer has at a time: as many may come twice when its node dies.
CONSUMER_PREFETCH = 100
# How many messages a hold queue hands on at a time, rabbitmq/advanced.config.
WORKER_PREFETCH = 500
# Until all has come. Before its first message to a quorum queue a sender makes a call that is never
# answered if the leader is deposed over it, as can happen when a majority comes back at once. It
# calls again after net_ticktime and 5 s, which is 65 s.
# Source: rabbit_fifo_client:enqueue/3 of 3.10.8, 4.0.5 and 4.3.5.
RECOVERY_S = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A confirmed message. It was held from some moment between the two on (Unix time, s)."""

    from_s: float
    confirmed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    at_s: float
    redelivered: bool


@dataclass(slots=True, kw_only=True)
class Publisher:
    """Publishes with confirms through one node; `sent` has what was confirmed, by body."""

    channel: AbstractChannel
    exchange: str
    sent: dict[bytes, Sent] = field(default_factory=dict)
    nacks: int = 0

    @classmethod
    @asynccontextmanager
    async def at(cls, node: Node, exchange: str) -> AsyncIterator[Publisher]:
        async with await aio_pika.connect(node.amqp_url) as connection:
            yield cls(channel=await connection.channel(), exchange=exchange)

    async def publish(self, body: bytes, delay_ms: int) -> None:
        """Return when it is confirmed. Raises: what aio-pika does when it is not."""
        exchange = await self.channel.get_exchange(self.exchange, ensure=False)
        message = aio_pika.Message(
            body,
            headers={"x-delay": delay_ms},
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        from_s = time.time()
        await exchange.publish(message, "k", mandatory=True)
        self.sent[body] = Sent(from_s=from_s, confirmed_s=time.time())

    async def publish_until_confirmed(self, body: bytes, delay_ms: int) -> None:
        """Publish again whenever the broker says that it has not taken it, and in no other case."""
        async with asyncio.timeout(RECOVERY_S):
            while body not in self.sent:
                try:
                    await self.publish(body, delay_ms)
                except DeliveryError:
                    self.nacks += 1
                    await asyncio.sleep(0.05)

    async def publish_all(self, bodies: Iterable[bytes], delay_ms: int) -> None:
        """Return when all are confirmed."""
        places = asyncio.Semaphore(_IN_FLIGHT)

        async def publish(body: bytes) -> None:
            async with places:
                await self.publish(body, delay_ms)

        async with asyncio.TaskGroup() as group:
            for body in bodies:
                group.create_task(publish(body))


@dataclass(slots=True, kw_only=True)
class Consumer:
    """Takes what arrives in a queue, from one node after another."""

    queue: str
    arrivals: dict[bytes, list[Arrival]] = field(default_factory=dict)

    @asynccontextmanager
    async def at(self, node: Node) -> AsyncIterator[None]:
        async with await aio_pika.connect(node.amqp_url) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=CONSUMER_PREFETCH)
            queue = await channel.get_queue(self.queue, ensure=False)
            await queue.consume(self._on_message)
            yield

    @property
    def doubles(self) -> int:
        """How many messages came twice."""
        return sum(len(arrivals) > 1 for arrivals in self.arrivals.values())

    async def wait_for_all(self, bodies: Set[bytes]) -> None:
        """Return when each of `bodies` has arrived, some of them perhaps twice."""
        deadline = time.monotonic() + RECOVERY_S
        while missing := len(bodies - self.arrivals.keys()):
            assert time.monotonic() < deadline, f"{missing} of {len(bodies)} are missing"
            await asyncio.sleep(0.05)

    async def _on_message(self, message: AbstractIncomingMessage) -> None:
        arrival = Arrival(at_s=time.time(), redelivered=bool(message.redelivered))
        self.arrivals.setdefault(message.body, []).append(arrival)
        await message.ack()


@dataclass(slots=True, kw_only=True)
class Gauge:
    """How many messages a queue had at which moment (Unix time, s), while nobody consumes."""

    readings: list[tuple[float, int]] = field(default_factory=list)

    async def watch(self, channel: AbstractChannel, queue: str, *, until: int) -> None:
        """Read on until the queue has so many."""
        highest = 0
        while highest < until:
            # A queue that has no leader just now says that it is empty.
            highest = max(highest, await count(channel, queue))
            self.readings.append((time.time(), highest))
            await asyncio.sleep(0.02)

    def latest_s(self, due_s: Iterable[float], *, doubles: int, since_s: float) -> float:
        """How much after its due moment the latest came, if all doubles came before it."""
        moments = sorted(due_s)
        return max(
            at_s - moments[n - doubles]
            for at_s, n in self.readings
            if at_s > since_s and n - doubles < len(moments)
        )


async def declare(node: Node, exchange: str) -> str:
    """The exchange with a work queue that `node` leads; returns the queue's name."""
    async with await aio_pika.connect(node.amqp_url) as connection:
        channel = await connection.channel()
        await declare_exchange(channel, exchange)
        queue = await declare_queue(channel, f"{exchange}.work")
        await queue.bind(exchange, "k")
        return queue.name


async def failover_s(cluster: Cluster, queues: Sequence[str]) -> float:
    """How long from now until living nodes lead all of these queues."""

    def are_led() -> bool:
        return all(cluster.leader(queue) is not None for queue in queues)

    began_s = time.monotonic()
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(are_led):
            await asyncio.sleep(0.02)
    return time.monotonic() - began_s


async def first_use(node: Node, exchange: str, delay_ms: int) -> str:
    """Makes the hold queue of a one-hop delay, led by `node`; returns its name."""
    async with Publisher.at(node, exchange) as publisher:
        await publisher.publish(b"first use", delay_ms)
    return f"{exchange}.final.{delay_ms}"
