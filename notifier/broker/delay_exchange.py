"""The delay by an exchange of type x-delayed-message: ours, or RabbitMQ's own plugin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aio_pika.abc import AbstractConnection
from pamqp.common import FieldTable

from notifier.broker.connection import Server, open_connection
from notifier.broker.declaring import DELAYED, bind, declaring, delete
from notifier.broker.mechanism import APPLY, Address, Problem, unbound
from notifier.broker.topology import Topology
from notifier.domain.delay import LONGEST_DELAY, AnyDelay, milliseconds_of
from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.broker.management import Management
    from notifier.broker.sight import Sight

INSTALL = "install and enable the plugin from the folder rabbitmq/"


class ExchangeDelay:
    name = "exchange"
    delays = AnyDelay()

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self.exchange = topology.exchange

    @cached_property
    def _addresses(self) -> dict[int, Address]:
        """Never mandatory: RabbitMQ's plugin has a delayed message returned as unroutable."""
        topology = self._topology
        return {
            tier: Address(exchange=topology.exchange, routing_key=queue)
            for queue, tier in topology.tier_queues.items()
        }

    def address(self, tier: int, delay: timedelta) -> Address:
        if delay > LONGEST_DELAY:
            raise InvalidInput("delay", f"{delay} is longer than {LONGEST_DELAY}")
        return self._addresses.get(tier) or self._addresses[self._topology.tiers[0]]

    def postponed(self, tier: int, delay: timedelta) -> Address:
        return self.address(tier, delay)

    def headers(self, delay: timedelta) -> FieldTable:
        return {"x-delay": milliseconds_of(delay)}

    async def prepare(self, server: Server) -> None:
        connection = await open_connection(server, name="notifier topology apply")
        try:
            async with declaring(connection, f"exchange {self.exchange!r}") as channel:
                await channel.declare_exchange(
                    self.exchange,
                    DELAYED,
                    durable=True,
                    arguments={"x-delayed-type": self._topology.delayed_type},
                )
        finally:
            await connection.close()

    async def join(self, connection: AbstractConnection) -> None:
        await bind(connection, self.exchange, self._topology.queues)

    async def remove(self, connection: AbstractConnection) -> list[str]:
        return await delete(connection, exchange=self.exchange)

    async def missing(self, sight: Sight) -> list[Problem]:
        if await sight.has_exchange(self.exchange):
            return []
        return [Problem(what=f"exchange {self.exchange!r} is missing", remedy=APPLY)]

    async def misfits(self, management: Management) -> list[Problem]:
        exchange = await management.exchange(self.exchange)
        if exchange is None:
            types = (await management.overview()).get("exchange_types", [])
            if any(known.get("name") == DELAYED for known in types):
                return []
            return [Problem(what=f"no exchange type {DELAYED!r}", remedy=INSTALL)]
        bindings = await management.bindings(exchange["name"])
        return [
            *self._differences(exchange),
            *unbound(self.exchange, self._topology.queues, bindings),
        ]

    def is_hold(self, queue: str) -> bool:
        return queue.startswith(tuple(f"{self.exchange}.{k}." for k in ("hold", "final")))

    async def held(self, sight: Sight, seen: Mapping[str, dict[str, Any]]) -> int | None:
        if sight.management is None:
            return None
        # Ours counts what is in its hold queues, RabbitMQ's plugin what is in its table.
        exchange = await sight.management.exchange(self.exchange) or {}
        return int(exchange.get("messages_delayed", 0))

    def _differences(self, exchange: dict[str, Any]) -> Iterator[Problem]:
        wanted = {
            "type": (exchange["type"], DELAYED),
            "durable": (exchange["durable"], True),
            "x-delayed-type": (
                exchange["arguments"].get("x-delayed-type"),
                self._topology.delayed_type,
            ),
        }
        for name, (found, expected) in wanted.items():
            if found != expected:
                yield Problem(
                    what=f"exchange {exchange['name']!r}: {name} is {found}, expected {expected}",
                    remedy=f"delete it and {APPLY}, or set [amqp] exchange to another name",
                )
