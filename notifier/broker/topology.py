"""The exchange, a queue for each tier, and the queue of what nobody can read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import AMQPError, ChannelAccessRefused

from notifier.broker.connection import Server, open_connection
from notifier.broker.faults import answering
from notifier.errors import BrokerUnavailable, TopologyError

DELAYED = "x-delayed-message"
"""Our exchange type and RabbitMQ's own plugin for it share this name."""

DECLARED_WITHIN_S = 30.0
"""Each; a quorum queue on a busy cluster takes seconds."""

_DIFFERS = re.compile(
    r"inequivalent arg '(?P<what>[^']+)' for (?P<kind>exchange|queue) '(?P<name>[^']+)'"
    r".*?received (?P<wanted>.*) but current is (?P<found>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The names are settings; the routing key of a queue is its name.

    tiers: seconds, shortest first. delayed_type: how the exchange routes once the delay is over.
    """

    exchange: str = "delay"
    queue_prefix: str = "delay_queue"
    tiers: tuple[int, ...] = (1, 3, 5, 15, 30)
    delayed_type: Literal["direct", "topic"] = "direct"
    queue_type: Literal["quorum", "classic"] = "quorum"
    dead_queue: str = "notifier.dead"

    def queue_of(self, tier: int) -> str:
        return f"{self.queue_prefix}{tier}"

    @property
    def tier_queues(self) -> dict[str, int]:
        """Queue name to tier."""
        return {self.queue_of(tier): tier for tier in self.tiers}

    @property
    def queue_arguments(self) -> dict[str, str]:
        """None for classic queues: so does a program that says nothing about the type."""
        return {"x-queue-type": "quorum"} if self.queue_type == "quorum" else {}


async def apply(topology: Topology, server: Server) -> None:
    """Declare everything; harmless when it is there already.

    Raises TopologyError where something of the same name is different, and BrokerUnavailable.
    """
    connection = await open_connection(server, name="notifier topology apply")
    try:
        await _declare_exchange(topology, connection)
        for queue in (*topology.tier_queues, topology.dead_queue):
            async with _declaring(connection, f"queue {queue!r}") as channel:
                await channel.declare_queue(
                    queue, durable=True, arguments={**topology.queue_arguments}
                )
        async with _declaring(connection, f"bindings of {topology.exchange!r}") as channel:
            for queue in (*topology.tier_queues, topology.dead_queue):
                bound = await channel.get_queue(queue, ensure=False)
                await bound.bind(topology.exchange, routing_key=queue)
    finally:
        await connection.close()


async def _declare_exchange(topology: Topology, connection: AbstractConnection) -> None:
    async with _declaring(connection, f"exchange {topology.exchange!r}") as channel:
        await channel.declare_exchange(
            topology.exchange,
            DELAYED,
            durable=True,
            arguments={"x-delayed-type": topology.delayed_type},
        )


@asynccontextmanager
async def _declaring(connection: AbstractConnection, what: str) -> AsyncIterator[AbstractChannel]:
    """A channel of its own, as a refusal closes it; the refusal is explained."""
    channel = connection.channel()
    try:
        with answering(f"declaring {what}"):
            async with asyncio.timeout(DECLARED_WITHIN_S):
                await channel.initialize()
                yield channel
    except BrokerUnavailable as error:
        if isinstance(error.__cause__, AMQPError) and _is_answer(error.__cause__):
            raise refusal(what, str(error.__cause__)) from error
        raise
    finally:
        with suppress(BrokerUnavailable), answering("closing"):
            await channel.close()


def _is_answer(error: AMQPError) -> bool:
    return isinstance(error, ChannelAccessRefused) or bool(
        re.search(r"PRECONDITION|COMMAND_INVALID|NOT_FOUND|LOCKED|NOT_ALLOWED", str(error))
    )


def refusal(what: str, answer: str) -> TopologyError:
    """The broker's refusal with what it means and what to do."""
    if "exchange type" in answer:
        return TopologyError(
            f"{what}: this RabbitMQ has no exchange type {DELAYED!r}. Install the plugin from the "
            "folder rabbitmq/ (or RabbitMQ's own delayed message exchange) and enable it"
        )
    differs = _DIFFERS.search(answer)
    if differs:
        return TopologyError(
            f"{what}: its {differs['what']} is {_plain(differs['found'])}, expected "
            f"{_plain(differs['wanted'])}. {_remedy(differs['kind'])}"
        )
    if "ACCESS_REFUSED" in answer:
        return TopologyError(f"{what}: {answer}. Give the user configure, write and read rights")
    return TopologyError(f"{what}: refused by RabbitMQ: {answer}")


def _plain(value: str) -> str:
    """The value without RabbitMQ's quotes (one or two, by kind) and without its AMQP type."""
    quoted = re.search(r"'+([^']+)'+", value)
    plain = quoted[1] if quoted else value.split(", class_id")[0].strip()
    return "not set" if plain == "none" else plain


def _remedy(kind: str) -> str:
    setting = "exchange" if kind == "exchange" else "queue_prefix, dead_queue or queue_type"
    return (
        f"Drain and delete that {kind} when it is yours, or set [amqp] {setting} "
        "(NOTIFIER_AMQP_...) to keep both"
    )
