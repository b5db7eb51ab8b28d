"""What the delay contract needs of an implementation."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Protocol

import aio_pika
from aiormq.exceptions import AMQPError

from notifier.broker.connection import Server, connect, open_connection
from notifier.broker.consumer import Consumer
from notifier.broker.delivery import Delivery
from notifier.broker.mechanism import Mechanism
from notifier.broker.memory import MemoryBroker
from notifier.broker.publisher import Publisher
from notifier.broker.topology import Topology, apply
from notifier.domain.message import Message

SHORT = timedelta(milliseconds=50)
Dead = tuple[bytes, Mapping[str, object]]


class AnyPublisher(Protocol):
    def can_hold(self, delay: timedelta) -> bool: ...

    async def publish(self, message: Message, *, delay: timedelta) -> None: ...

    async def publish_many(self, messages: Iterable[tuple[Message, timedelta]]) -> None: ...

    async def postpone(self, body: bytes, *, tier: int, delay: timedelta) -> None: ...

    async def publish_dead(
        self, body: bytes, headers: Mapping[str, object], reason: str
    ) -> None: ...


class AnyConsumer(Protocol):
    @property
    def in_flight(self) -> int: ...

    async def consume(
        self, handler: Callable[[Delivery], Coroutine[Any, Any, None]], *, prefetch: int
    ) -> None: ...

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    async def stop_taking(self) -> None: ...

    async def idle(self) -> None: ...

    async def close(self) -> None: ...


class Bench(Protocol):
    topology: Topology
    publisher: AnyPublisher

    def short(self, tier: int) -> timedelta:
        """The shortest delay that leads to this tier's queue."""
        ...

    def consumer(self, tier: int) -> AnyConsumer: ...

    async def dead(self) -> list[Dead]:
        """What the dead queue holds, oldest first."""
        ...

    async def apply_again(self) -> None: ...


class MemoryBench:
    def short(self, tier: int) -> timedelta:
        return SHORT

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self._broker = MemoryBroker(topology)
        self.publisher: AnyPublisher = self._broker.publisher()

    def consumer(self, tier: int) -> AnyConsumer:
        return self._broker.consumer(self.topology.queue_of(tier))

    async def dead(self) -> list[Dead]:
        return [(held.body, held.headers) for held in self._broker.dead]

    async def apply_again(self) -> None:
        """There is nothing to apply."""


class BrokerBench:
    """Over AMQP, whatever implements the exchange type there, or with hold queues."""

    publisher: AnyPublisher

    def __init__(self, topology: Topology, server: Server, delay: Mechanism) -> None:
        self.topology = topology
        self._server = server
        self._delay = delay
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> BrokerBench:
        await apply(self.topology, self._server, self._delay)
        publishing = await connect(self._server, name="notifier contract publish")
        self._exits.push_async_callback(publishing.close)
        self._consuming = await connect(self._server, name="notifier contract consume")
        self._exits.push_async_callback(self._consuming.close)
        self.publisher = await Publisher.open(publishing, self.topology, self._delay)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()
        await delete_queues(self.topology, self._server)

    def short(self, tier: int) -> timedelta:
        return SHORT if self._delay.delays.can_hold(SHORT) else timedelta(seconds=tier)

    def consumer(self, tier: int) -> AnyConsumer:
        return Consumer(self._consuming, self.topology.queue_of(tier))

    async def dead(self) -> list[Dead]:
        async with await open_connection(self._server, name="notifier contract") as connection:
            channel = await connection.channel()
            queue = await channel.get_queue(self.topology.dead_queue)
            found: list[aio_pika.abc.AbstractIncomingMessage] = []
            while (message := await queue.get(fail=False)) is not None:
                found.append(message)
            return [(message.body, message.headers) for message in found]

    async def apply_again(self) -> None:
        await apply(self.topology, self._server, self._delay)


async def delete_queues(topology: Topology, server: Server) -> None:
    """The exchange stays: it may hold what other tests published."""
    holds = [topology.hold_queue_of(tier) for tier in topology.tiers]
    async with await open_connection(server, name="notifier contract") as connection:
        for queue in (*topology.queues, *holds):
            channel = await connection.channel()
            try:
                await channel.queue_delete(queue)
            except AMQPError as error:
                raise AssertionError(f"{queue} cannot be deleted") from error
