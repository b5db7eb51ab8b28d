"""Every kind of access to the broker, and which users may have it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from notifier.broker.topology import Topology

NAMES = Topology()
TIER = NAMES.queue_of(1)
HELD = NAMES.hold_queue_of(1)
HOLD_QUEUES = [NAMES.hold_queue_of(tier) for tier in NAMES.tiers]
OTHERS_EXCHANGE = "amq.fanout"
TOPOLOGY, FLEET = "notifier-topology", "notifier-fleet"
PUBLISHER, OPERATOR, MONITOR = "notifier-publisher", "notifier-operator", "notifier-monitor"


async def publish(channel: AbstractChannel, exchange: str, key: str) -> None:
    """Return when it is confirmed."""
    message = aio_pika.Message(b"{}", headers={"x-delay": 60_000})
    target = await channel.get_exchange(exchange, ensure=False) if exchange else None
    await (target or channel.default_exchange).publish(message, key, mandatory=False, timeout=20)


async def get(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).get(fail=False)


async def consume(channel: AbstractChannel, queue: str) -> None:
    async def ignore(_: AbstractIncomingMessage) -> None: ...

    taken = await channel.get_queue(queue, ensure=False)
    await taken.cancel(await taken.consume(ignore))


async def purge(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).purge()


async def bind(channel: AbstractChannel, queue: str, exchange: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).bind(exchange, queue)


async def declare_tier(channel: AbstractChannel) -> None:
    await channel.declare_queue(TIER, durable=True, arguments={**NAMES.queue_arguments})


async def declare_exchange(channel: AbstractChannel, name: str) -> None:
    await channel.declare_exchange(
        name, "x-delayed-message", durable=True, arguments={"x-delayed-type": "direct"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """may: who; everybody else must be refused."""

    what: str
    do: Callable[[AbstractChannel], Awaitable[object]]
    may: frozenset[str] = frozenset()


def may(*users: str) -> frozenset[str]:
    return frozenset(users)


DEEDS = [
    Deed(
        what="publish to the exchange",
        do=lambda channel: publish(channel, NAMES.exchange, TIER),
        may=may(FLEET, PUBLISHER, OPERATOR),
    ),
    Deed(
        what="publish to the hold queues' exchange",
        do=lambda channel: publish(channel, NAMES.direct_exchange, HELD),
        # Who declares a queue that dead-letters to it must have the right to write to it.
        may=may(FLEET, PUBLISHER, OPERATOR, TOPOLOGY),
    ),
    Deed(
        what="take from a hold queue",
        do=lambda channel: get(channel, HELD),
        # Who declares a queue that dead-letters must have the right to read it.
        may=may(TOPOLOGY),
    ),
    Deed(what="write past it into a tier's queue", do=lambda channel: publish(channel, "", TIER)),
    Deed(what="write into a stranger's queue", do=lambda channel: publish(channel, "", "x")),
    Deed(
        what="write past the delay",
        do=lambda channel: publish(channel, f"{NAMES.exchange}.companion", TIER),
    ),
    Deed(
        what="write between the hops",
        do=lambda channel: publish(channel, f"{NAMES.exchange}.stage", TIER),
    ),
    Deed(
        what="write to a stranger's exchange",
        do=lambda channel: publish(channel, OTHERS_EXCHANGE, TIER),
    ),
    Deed(what="get from a tier", do=lambda channel: get(channel, TIER), may=may(FLEET)),
    Deed(what="consume a tier", do=lambda channel: consume(channel, TIER), may=may(FLEET)),
    Deed(what="purge a tier", do=lambda channel: purge(channel, TIER), may=may(FLEET)),
    Deed(
        what="look into the dead queue",
        do=lambda channel: get(channel, NAMES.dead_queue),
        may=may(OPERATOR),
    ),
    Deed(
        what="take what is held",
        do=lambda channel: get(channel, f"{NAMES.exchange}.final.60000"),
    ),
    Deed(
        what="take what was unrouted",
        do=lambda channel: get(channel, f"{NAMES.exchange}.unrouted"),
    ),
    Deed(what="declare a tier", do=declare_tier, may=may(TOPOLOGY)),
    Deed(
        what="declare the exchange",
        do=lambda channel: declare_exchange(channel, NAMES.exchange),
        may=may(TOPOLOGY),
    ),
    Deed(
        what="bind a tier to the exchange",
        do=lambda channel: bind(channel, TIER, NAMES.exchange),
        may=may(TOPOLOGY),
    ),
    Deed(
        what="bind a tier to a stranger's exchange",
        do=lambda channel: bind(channel, TIER, OTHERS_EXCHANGE),
    ),
    Deed(
        what="bind the dead queue to a stranger's exchange",
        do=lambda channel: bind(channel, NAMES.dead_queue, OTHERS_EXCHANGE),
    ),
    Deed(what="declare any queue", do=lambda channel: channel.declare_queue("mine")),
    Deed(
        what="declare a queue that the broker names",
        do=lambda channel: channel.declare_queue(None, exclusive=True),
    ),
    Deed(
        what="declare a queue like a tier's",
        do=lambda channel: channel.declare_queue(f"{NAMES.queue_prefix}2"),
    ),
    Deed(what="declare any exchange", do=lambda channel: declare_exchange(channel, "mine")),
    Deed(
        what="declare an exchange like a helper's",
        do=lambda channel: declare_exchange(channel, f"{NAMES.exchange}.mine"),
    ),
    Deed(
        what="delete what is held",
        do=lambda channel: channel.queue_delete(f"{NAMES.exchange}.final.60000"),
    ),
    Deed(
        what="delete the companion",
        do=lambda channel: channel.exchange_delete(f"{NAMES.exchange}.companion"),
    ),
    Deed(
        what="delete a tier",
        do=lambda channel: channel.queue_delete(TIER),
        may=may(TOPOLOGY),
    ),
    Deed(
        what="delete the exchange",
        do=lambda channel: channel.exchange_delete(NAMES.exchange),
        may=may(TOPOLOGY),
    ),
]
