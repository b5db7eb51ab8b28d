"""The same contract without a broker, for tests of what is built on it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from notifier.broker.codec import encode
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.delivery import Delivery, Handler, Handlers
from notifier.broker.headers import dead_headers, fresh_headers
from notifier.broker.topology import Topology
from notifier.domain.message import Message
from notifier.errors import BrokerUnavailable, TopologyError


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    body: bytes
    headers: Mapping[str, object]
    redelivered: bool = False


class MemoryBroker:
    """Queues of one process. Time is the event loop's.

    is_away: publishes raise BrokerUnavailable, as with RabbitMQ down; what is held stays.
    """

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.is_away = False
        self._queues: dict[str, deque[Held]] = {
            queue: deque() for queue in (*topology.tier_queues, topology.dead_queue)
        }
        self._consumers: list[MemoryConsumer] = []

    @property
    def dead(self) -> list[Held]:
        """The dead queue, oldest first."""
        return list(self._queues[self.topology.dead_queue])

    def ready(self, queue: str) -> int:
        return len(self._queue(queue))

    def publisher(self) -> MemoryPublisher:
        return MemoryPublisher(self)

    def consumer(self, queue: str) -> MemoryConsumer:
        return MemoryConsumer(self, queue)

    def put(self, queue: str, held: Held) -> None:
        self._queue(queue).append(held)
        self.deliver(queue)

    def put_back(self, queue: str, held: Held) -> None:
        self._queue(queue).appendleft(replace(held, redelivered=True))
        self.deliver(queue)

    def deliver(self, queue: str) -> None:
        """Hand out what is ready, a message in turn to each consumer that has room."""
        ready = self._queue(queue)
        while ready:
            free = [consumer for consumer in self._consumers if consumer.has_room(queue)]
            if not free:
                return
            chosen = min(free, key=lambda consumer: consumer.unacked)
            chosen.take(ready.popleft())

    def attach(self, consumer: MemoryConsumer) -> None:
        self._queue(consumer.queue)
        self._consumers.append(consumer)
        self.deliver(consumer.queue)

    def detach(self, consumer: MemoryConsumer) -> None:
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    def _queue(self, name: str) -> deque[Held]:
        if name not in self._queues:
            raise TopologyError(f"queue {name!r} is missing; run `notifier topology apply`")
        return self._queues[name]


class MemoryPublisher:
    """See publisher.Publisher."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._delay = ExchangeDelay(broker.topology)

    def can_hold(self, delay: timedelta) -> bool:
        return self._delay.delays.can_hold(delay)

    async def publish(self, message: Message, *, delay: timedelta) -> None:
        held = Held(encode(message), fresh_headers(message, self._delay.headers(delay)))
        self._put_later(message.tier, held, delay)

    async def publish_many(self, messages: Iterable[tuple[Message, timedelta]]) -> None:
        pairs = list(messages)
        for message, delay in pairs:
            self._delay.address(message.tier, delay)
        for message, delay in pairs:
            await self.publish(message, delay=delay)

    async def postpone(self, body: bytes, *, tier: int, delay: timedelta) -> None:
        self._put_later(tier, Held(body, self._delay.headers(delay)), delay)

    async def publish_dead(self, body: bytes, headers: Mapping[str, object], reason: str) -> None:
        self._check()
        held = Held(body, dead_headers(headers, reason))
        self._broker.put(self._broker.topology.dead_queue, held)

    def _put_later(self, tier: int, held: Held, delay: timedelta) -> None:
        self._check()
        put = partial(self._broker.put, self._delay.address(tier, delay).routing_key, held)
        asyncio.get_running_loop().call_later(max(0.0, delay.total_seconds()), put)

    def _check(self) -> None:
        if self._broker.is_away:
            raise BrokerUnavailable("not connected to the broker in memory")


class MemoryConsumer:
    """See consumer.Consumer."""

    def __init__(self, broker: MemoryBroker, queue: str) -> None:
        self.queue = queue
        self._broker = broker
        self._handler: Handler
        self._handlers = Handlers(queue)
        self._prefetch = 0
        self._taken: dict[int, Held] = {}
        self._last_tag = 0

    @property
    def in_flight(self) -> int:
        return len(self._handlers)

    @property
    def unacked(self) -> int:
        return len(self._taken)

    def has_room(self, queue: str) -> bool:
        return queue == self.queue and self.unacked < self._prefetch

    async def consume(self, handler: Handler, *, prefetch: int) -> None:
        self._handler = handler
        self._prefetch = prefetch
        self._broker.attach(self)

    async def pause(self) -> None:
        self._broker.detach(self)

    async def resume(self) -> None:
        await self.pause()
        self._broker.attach(self)

    async def stop_taking(self) -> None:
        await self.pause()

    async def idle(self) -> None:
        await self._handlers.idle()

    async def close(self) -> None:
        await self.pause()
        await self._handlers.cancel()
        while self._taken:
            _, held = self._taken.popitem()
            self._broker.put_back(self.queue, held)

    def take(self, held: Held) -> None:
        self._last_tag += 1
        tag = self._last_tag
        self._taken[tag] = held
        delivery = Delivery(
            held.body, held.headers, redelivered=held.redelivered, ack=self._ack, tag=tag
        )
        self._handlers.start(self._handler, delivery, self._reject)

    def _ack(self, tag: int) -> None:
        if self._taken.pop(tag, None) is not None:
            self._broker.deliver(self.queue)

    def _reject(self, tag: int) -> None:
        held = self._taken.pop(tag, None)
        if held is not None:
            self._broker.put_back(self.queue, held)
