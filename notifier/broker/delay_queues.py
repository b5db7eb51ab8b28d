"""The delay by a queue for each tier in which messages expire into the tier's own queue.

For brokers where no exchange type can be installed. All messages of a hold queue share its TTL, so
that none waits behind another, and only the tiers' delays are held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractConnection as Transport
from aiormq.exceptions import ChannelAccessRefused
from pamqp.common import FieldTable, FieldValue

from notifier.broker.connection import Server, open_transport
from notifier.broker.declaring import bind, declaring, delete, refusal
from notifier.broker.faults import answering
from notifier.broker.mechanism import APPLY, Address, Problem, unbound
from notifier.broker.topology import Topology
from notifier.domain.delay import NOW, TierDelays
from notifier.errors import BrokerUnavailable, InvalidInput, NotOffered, TopologyError

if TYPE_CHECKING:
    from notifier.broker.management import Management
    from notifier.broker.sight import Sight

FIRST_AT_LEAST_ONCE = (3, 10)
ALWAYS_AT_LEAST_ONCE = (3, 12)
"""Between the two it needs a feature flag. Source: RabbitMQ, Feature Flags: stream_queue."""
FLAG = "enable its feature flag: rabbitmqctl enable_feature_flag stream_queue"


class QueuesDelay:
    name = "queues"

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self.exchange = topology.direct_exchange
        self.delays = TierDelays(topology.tiers)

    @cached_property
    def _hold_queues(self) -> dict[str, int]:
        """Name to tier."""
        return {self._topology.hold_queue_of(tier): tier for tier in self._topology.tiers}

    @cached_property
    def _held(self) -> dict[int, Address]:
        return {tier: self._to(name) for name, tier in self._hold_queues.items()}

    @cached_property
    def _straight(self) -> dict[int, Address]:
        return {tier: self._to(name) for name, tier in self._topology.tier_queues.items()}

    def address(self, tier: int, delay: timedelta) -> Address:
        """What is held for a tier's delay comes to that tier's queue, be it this one or not."""
        if delay <= NOW:
            return self._straight.get(tier) or self._straight[self._topology.tiers[0]]
        held_by = self.delays.tier_of(delay)
        if held_by is None:
            tiers = ", ".join(str(known) for known in self._topology.tiers)
            raise InvalidInput("delay", f"{delay} is no tier's; the tiers are {tiers} s")
        return self._held[held_by]

    def postponed(self, tier: int, delay: timedelta) -> Address:
        """In its own tier's hold queue or in the first that holds long enough, else the longest."""
        longer = [
            known for known in (tier, *self._topology.tiers) if delay.total_seconds() <= known
        ]
        return self._held[longer[0] if longer else self._topology.tiers[-1]]

    def headers(self, delay: timedelta) -> FieldTable:
        return {}

    def arguments(self, tier: int) -> dict[str, FieldValue]:
        """Always a quorum queue: a classic one loses what falls due while its target restarts."""
        return {
            "x-queue-type": "quorum",
            "x-message-ttl": 1000 * tier,
            "x-dead-letter-exchange": self.exchange,
            "x-dead-letter-routing-key": self._topology.queue_of(tier),
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }

    async def prepare(self, server: Server) -> None:
        """Without at-least-once dead-lettering messages would be lost, and nobody would say so."""
        transport = await open_transport(server, name="notifier topology apply")
        try:
            properties = transport.server_properties or {}
            product, version = str(properties.get("product")), str(properties.get("version"))
            number = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
            if product != "RabbitMQ" or number < FIRST_AT_LEAST_ONCE:
                raise NotOffered(
                    f"{product} {version} cannot dead-letter at least once, which [amqp] delay = "
                    "queues needs: upgrade to RabbitMQ 3.10 or newer"
                )
            if number < ALWAYS_AT_LEAST_ONCE:
                await self._probe(transport)
        finally:
            with suppress(BrokerUnavailable), answering("closing"):
                await transport.close()

    async def join(self, connection: AbstractConnection) -> None:
        async with declaring(connection, f"exchange {self.exchange!r}") as channel:
            await channel.declare_exchange(self.exchange, "direct", durable=True)
        for name, tier in self._hold_queues.items():
            async with declaring(connection, f"queue {name!r}") as channel:
                await channel.declare_queue(name, durable=True, arguments=self.arguments(tier))
        await bind(connection, self.exchange, (*self._topology.queues, *self._hold_queues))

    async def remove(self, connection: AbstractConnection) -> list[str]:
        return await delete(connection, queues=self._hold_queues, exchange=self.exchange)

    async def missing(self, sight: Sight) -> list[Problem]:
        problems = []
        if not await sight.has_exchange(self.exchange):
            problems.append(Problem(what=f"exchange {self.exchange!r} is missing", remedy=APPLY))
        for name in self._hold_queues:
            if await sight.ready(name) is None:
                problems.append(Problem(what=f"queue {name!r} is missing", remedy=APPLY))
        return problems

    async def misfits(self, management: Management) -> list[Problem]:
        problems: list[Problem] = []
        if await management.exchange(self.exchange) is not None:
            queues = (*self._topology.queues, *self._hold_queues)
            problems += unbound(self.exchange, queues, await management.bindings(self.exchange))
        for queue in await management.queues():
            if queue["name"] in self._hold_queues:
                problems += self._differences(queue, self._hold_queues[queue["name"]])
        return problems

    def is_hold(self, queue: str) -> bool:
        return queue in self._hold_queues

    async def held(self, sight: Sight, seen: Mapping[str, dict[str, Any]]) -> int | None:
        return sum([await sight.ready(name) or 0 for name in self._hold_queues])

    async def _probe(self, transport: Transport) -> None:
        """The flag is not told over AMQP: make a stream, which needs the same one, and delete it.

        A refusal ends the connection.
        """
        name = f"{self._topology.hold_queue_of(0)}.probe"
        try:
            with answering("making a stream, to see whether there can be one"):
                channel = await transport.channel(publisher_confirms=False)
                await channel.queue_declare(
                    name, durable=True, arguments={"x-queue-type": "stream"}
                )
                await channel.queue_delete(name)
        except BrokerUnavailable as error:
            if "feature flag" in str(error):
                raise TopologyError(
                    "[amqp] delay = queues: this RabbitMQ would drop messages whose target does "
                    f"not answer; {FLAG}"
                ) from error
            if isinstance(error.__cause__, ChannelAccessRefused):
                raise refusal(f"queue {name!r}", str(error.__cause__)) from error
            raise

    def _differences(self, queue: dict[str, Any], tier: int) -> Iterator[Problem]:
        for name, expected in self.arguments(tier).items():
            found = queue.get("arguments", {}).get(name)
            if found != expected:
                what = f"queue {queue['name']!r}: {name} is {found!r}, expected {expected!r}"
                remedy = f"drain and delete it and {APPLY}, or set [amqp] hold_prefix"
                yield Problem(what=what, remedy=remedy)

    def _to(self, queue: str) -> Address:
        """A queue that is missing would swallow it without a word, hence mandatory."""
        return Address(exchange=self.exchange, routing_key=queue, mandatory=True)
