"""Look at what the broker has, without changing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from notifier.broker.connection import Link
from notifier.broker.management import Management
from notifier.broker.mechanism import APPLY, Mechanism, Problem
from notifier.broker.sight import Sight
from notifier.broker.topology import Topology

HARMFUL = ("message-ttl", "expires", "max-length", "max-length-bytes", "overflow")
"""Policies that drop messages, or release held ones early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """unacked: taken and not settled; None where no management API was asked."""

    ready: int
    unacked: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """tiers: by tier; one whose queue is missing is absent.

    held: messages that wait for their moment, None where nobody was asked.
    """

    tiers: Mapping[int, QueueDepth]
    dead: QueueDepth
    held: int | None = None


class Inspector:
    """Reads over AMQP and, where it is given, the management API.

    Every method raises BrokerUnavailable where one of them does not answer.
    """

    def __init__(
        self,
        link: Link,
        topology: Topology,
        delay: Mechanism,
        *,
        management: Management | None = None,
    ) -> None:
        self._link = link
        self._topology = topology
        self._delay = delay
        self._management = management
        self._sight = Sight(link, management=management)

    @property
    def version(self) -> str:
        """RabbitMQ's, as it says itself."""
        return str((self._link.transport.server_properties or {}).get("version", "?"))

    async def backlog(self) -> Backlog:
        """`ready` is exact; the rest, from the management API, up to five seconds old."""
        seen = {queue["name"]: queue for queue in await self._queues()}
        tiers = {}
        for queue, tier in self._topology.tier_queues.items():
            ready = await self._sight.ready(queue)
            if ready is not None:
                tiers[tier] = _depth(ready, seen.get(queue))
        dead = self._topology.dead_queue
        return Backlog(
            tiers=tiers,
            dead=_depth(await self._sight.ready(dead) or 0, seen.get(dead)),
            held=await self._delay.held(self._sight, seen),
        )

    async def held(self) -> int | None:
        """Messages that wait for their moment."""
        seen = {queue["name"]: queue for queue in await self._queues()}
        return await self._delay.held(self._sight, seen)

    async def ready(self) -> dict[str, int | None]:
        """Messages ready, by the name of the queue; None where it is missing."""
        return {queue: await self._sight.ready(queue) for queue in self._topology.queues}

    async def check(self) -> list[Problem]:
        """What is missing or wrong. Bindings, arguments and policies need the management API."""
        problems = await self._delay.missing(self._sight)
        for queue in (*self._topology.tier_queues, self._topology.dead_queue):
            if await self._sight.ready(queue) is None:
                problems.append(Problem(what=f"queue {queue!r} is missing", remedy=APPLY))
        if self._management is not None:
            problems += await self._delay.misfits(self._management)
            for known in await self._management.queues():
                problems += self._queue_problems(known)
        return problems

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
        if ours or self._delay.is_hold(name):
            yield from _limits(name, queue, of_queue=ours)

    async def _queues(self) -> list[dict[str, Any]]:
        return [] if self._management is None else await self._management.queues()


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
