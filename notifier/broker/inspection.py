"""Look at what the broker has, without changing it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity

from notifier.broker.connection import Link
from notifier.broker.faults import answering
from notifier.broker.management import Management
from notifier.broker.topology import DELAYED, Topology

APPLY = "run `notifier topology apply`"
INSTALL = "install and enable the plugin from the folder rabbitmq/"
HARMFUL = ("message-ttl", "expires", "max-length", "max-length-bytes", "overflow")
"""Policies that drop messages, or release held ones early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """unacked: taken and not settled; None where no management API was asked."""

    ready: int
    unacked: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """tiers: by tier; one whose queue is missing is absent.

    held: messages of our exchange that wait for their moment, None where nobody was asked.
    """

    tiers: Mapping[int, QueueDepth]
    dead: QueueDepth
    held: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the broker is. has_delayed_exchange: None where no management API was asked."""

    version: str
    has_delayed_exchange: bool | None = None


class Inspector:
    """Reads over AMQP and, where it is given, the management API.

    Every method raises BrokerUnavailable where one of them does not answer.
    """

    def __init__(
        self, link: Link, topology: Topology, *, management: Management | None = None
    ) -> None:
        self._link = link
        self._topology = topology
        self._management = management

    async def offer(self) -> Offer:
        version = str((self._link.transport.server_properties or {}).get("version", "?"))
        if self._management is None:
            return Offer(version=version)
        types = (await self._management.overview()).get("exchange_types", [])
        return Offer(
            version=version,
            has_delayed_exchange=any(known.get("name") == DELAYED for known in types),
        )

    async def backlog(self) -> Backlog:
        """`ready` is exact; the rest, from the management API, up to five seconds old."""
        seen = {queue["name"]: queue for queue in await self._queues()}
        tiers = {}
        for queue, tier in self._topology.tier_queues.items():
            ready = await self._ready(queue)
            if ready is not None:
                tiers[tier] = _depth(ready, seen.get(queue))
        dead = self._topology.dead_queue
        return Backlog(
            tiers=tiers,
            dead=_depth(await self._ready(dead) or 0, seen.get(dead)),
            held=await self._held(seen),
        )

    async def check(self) -> list[Problem]:
        """What is missing or wrong. Bindings, arguments and policies need the management API."""
        problems = [*await self._missing()]
        if self._management is None:
            return problems
        exchange = await self._management.exchange(self._topology.exchange)
        if exchange is None:
            if not (await self.offer()).has_delayed_exchange:
                problems.append(Problem(what=f"no exchange type {DELAYED!r}", remedy=INSTALL))
            return problems
        problems += self._exchange_problems(exchange)
        problems += self._binding_problems(await self._management.bindings(exchange["name"]))
        for queue in await self._management.queues():
            problems += self._queue_problems(queue)
        return problems

    async def _missing(self) -> list[Problem]:
        problems = []
        topology = self._topology
        async with self._asking() as channel:
            try:
                await channel.exchange_declare(topology.exchange, passive=True)
            except ChannelNotFoundEntity:
                what = f"exchange {topology.exchange!r} is missing"
                problems.append(Problem(what=what, remedy=APPLY))
        for queue in (*topology.tier_queues, topology.dead_queue):
            if await self._ready(queue) is None:
                problems.append(Problem(what=f"queue {queue!r} is missing", remedy=APPLY))
        return problems

    def _exchange_problems(self, exchange: dict[str, Any]) -> Iterator[Problem]:
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

    def _binding_problems(self, bindings: list[dict[str, Any]]) -> Iterator[Problem]:
        bound = {(binding["destination"], binding["routing_key"]) for binding in bindings}
        for queue in (*self._topology.tier_queues, self._topology.dead_queue):
            if (queue, queue) not in bound:
                what = f"queue {queue!r} is not bound to exchange {self._topology.exchange!r}"
                yield Problem(what=what, remedy=APPLY)

    def _queue_problems(self, queue: dict[str, Any]) -> Iterator[Problem]:
        name = queue["name"]
        ours = name in self._topology.tier_queues or name == self._topology.dead_queue
        if name == f"{self._topology.exchange}.unrouted" and queue.get("messages"):
            yield Problem(
                what=f"queue {name!r} holds {queue['messages']} messages that no queue wanted",
                remedy=f"{APPLY}, then look whose they are and move or purge them",
            )
        if ours and queue.get("type", "classic") != self._topology.queue_type:
            yield Problem(
                what=f"queue {name!r} is {queue['type']}, expected {self._topology.queue_type}",
                remedy=f"drain and delete it and {APPLY}, or set [amqp] queue_type",
            )
        if ours or self._is_hold(name):
            yield from _limits(name, queue, of_queue=ours)

    def _is_hold(self, name: str) -> bool:
        return name.startswith(tuple(f"{self._topology.exchange}.{k}." for k in ("hold", "final")))

    async def _held(self, seen: Mapping[str, dict[str, Any]]) -> int | None:
        if self._management is None:
            return None
        exchange = await self._management.exchange(self._topology.exchange) or {}
        held = sum(int(seen[name].get("messages", 0)) for name in seen if self._is_hold(name))
        return held + int(exchange.get("messages_delayed", 0))

    async def _queues(self) -> list[dict[str, Any]]:
        return [] if self._management is None else await self._management.queues()

    async def _ready(self, queue: str) -> int | None:
        async with self._asking() as channel:
            try:
                answer = await channel.queue_declare(queue, passive=True)
                return int(answer.message_count or 0)
            except ChannelNotFoundEntity:
                return None

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[AbstractChannel]:
        """A channel of its own: a "not found" closes it."""
        timeout_s = self._link.server.timeout.total_seconds()
        with answering("looking at the queues"):
            channel = await self._link.transport.channel(
                publisher_confirms=False, timeout=timeout_s
            )
            try:
                yield channel
            finally:
                await channel.close()


def _depth(ready: int, seen: dict[str, Any] | None) -> QueueDepth:
    return QueueDepth(ready=ready, unacked=(seen or {}).get("messages_unacknowledged"))


def _limits(name: str, queue: dict[str, Any], *, of_queue: bool) -> Iterator[Problem]:
    """A hold queue's own arguments are its mechanism; a policy on it is somebody's mistake."""
    policy = queue.get("effective_policy_definition") or {}
    arguments = queue.get("arguments", {}) if of_queue else {}
    for limit in HARMFUL:
        if limit in policy:
            what = f"queue {name!r}: policy {queue.get('policy') or '?'!r} sets {limit}"
            remedy = "narrow that policy's pattern; it can drop messages or release them early"
            yield Problem(what=what, remedy=remedy)
        elif f"x-{limit}" in arguments:
            what = f"queue {name!r} was declared with x-{limit}"
            remedy = f"drain and delete it and {APPLY}; it can drop messages"
            yield Problem(what=what, remedy=remedy)
