"""The two ways of holding a message, as notifier declares and uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from pamqp import commands as spec

from benchmarks.delay.envelope import Envelope
from benchmarks.delay.schedule import one_hop, two_hops
from benchmarks.delay.wire import Wire
from notifier.broker.connection import Server
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.delay_queues import QueuesDelay
from notifier.broker.topology import Topology, apply


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """lengths: kinds of delays to mix; ms, ascending, each kind as far as is needed and beyond."""

    lengths: Sequence[Sequence[int]]
    topology: Topology
    delay: ExchangeDelay | QueuesDelay

    @property
    def targets(self) -> Sequence[str]:
        """The queues in which what is due arrives."""
        return tuple(self.topology.tier_queues)

    async def declare(self, url: str) -> None:
        await apply(self.topology, Server(url=url), self.delay)

    def envelope(self, delay_ms: int, *, body_bytes: int) -> Envelope:
        """For messages that are to be in one of the targets after one of the lengths."""
        delay = timedelta(milliseconds=delay_ms)
        address = self.delay.address(self.topology.tiers[0], delay)
        publish = spec.Basic.Publish(
            exchange=address.exchange,
            routing_key=address.routing_key,
            mandatory=address.mandatory,
        )
        return Envelope(publish, self.delay.headers(delay), body_bytes=body_bytes)


def exchange(longest_ms: int, step_s: int) -> Mechanism:
    """Our exchange type: any delay, and it makes its hold queues itself."""
    topology = Topology(tiers=(1,))
    lengths = one_hop(longest_ms), two_hops(longest_ms)
    return Mechanism(lengths=lengths, topology=topology, delay=ExchangeDelay(topology))


def queues(longest_ms: int, step_s: int) -> Mechanism:
    """A hold queue for each tier; here a tier every `step_s`."""
    seconds = range(step_s, longest_ms // 1000 + 2 * step_s, step_s)
    topology = Topology(tiers=tuple(seconds))
    lengths = ([1000 * tier for tier in seconds],)
    return Mechanism(lengths=lengths, topology=topology, delay=QueuesDelay(topology))


MECHANISMS: dict[str, Callable[[int, int], Mechanism]] = {"exchange": exchange, "queues": queues}


async def declare_quorum(wire: Wire, queue: str) -> None:
    declare = spec.Queue.Declare(queue=queue, durable=True, arguments={"x-queue-type": "quorum"})
    await wire.request(declare)


async def count(wire: Wire, queue: str) -> int:
    """How many messages it holds."""
    answer = await wire.request(spec.Queue.Declare(queue=queue, passive=True))
    return cast(spec.Queue.DeclareOk, answer).message_count or 0
