"""Hold many messages, then let them all go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

from benchmarks.delay.arrivals import Arrivals, Tally
from benchmarks.delay.broker import Broker, Memory
from benchmarks.delay.envelope import Envelope
from benchmarks.delay.mechanisms import Mechanism, count
from benchmarks.delay.progress import Progress
from benchmarks.delay.schedule import Schedule
from notifier.loadtest.lateness import Spread

IN_FLIGHT = 200
_PREFETCH = 2_000
_STUCK_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """all_held: whether nothing had come out yet when the memory with all of them was read.

    hold_queues: as many lengths of time were in use. paced, burst: lateness in ms; in the burst
    more are due at once than the broker lets go, so there it tells how long the last ones waited.
    release_per_s: of the burst, from its first due moment to the last arrival.
    """

    messages: int
    hold_queues: int
    all_held: bool
    publish_per_s: float
    empty: Memory
    held: Memory
    most_resident_mb: float
    paced: Spread
    burst: Spread
    release_per_s: float
    tally: Tally

    @property
    def erlang_above_mb(self) -> float:
        return self.held.erlang - self.empty.erlang

    @property
    def resident_above_mb(self) -> float:
        return self.held.resident - self.empty.resident


async def hold(
    broker: Broker,
    mechanism: Mechanism,
    *,
    schedule: Schedule,
    body_bytes: int,
    progress: Progress,
) -> Held:
    """Raises BenchmarkError where something is refused or does not come back."""
    empty = await broker.memory()
    arrivals = Arrivals(schedule.messages)
    await mechanism.declare(broker.url)
    wire = await broker.wire()
    progress.phase("publishing", schedule.messages)
    began = monotonic()
    messages = _messages(mechanism, schedule, arrivals, body_bytes)
    await wire.publish(progress.counting(messages), in_flight=IN_FLIGHT)
    publish_s = monotonic() - began
    progress.phase("letting the broker rest")
    await asyncio.sleep(schedule.rest_s)
    progress.phase("reading the broker's memory")
    held = await broker.memory()
    all_held = not any([await count(wire, target) for target in mechanism.targets])
    hold_queues = await broker.hold_queues()
    progress.phase("waiting for what is due", schedule.messages)
    await wire.consume(mechanism.targets, arrivals.on_body, prefetch=_PREFETCH)
    await arrivals.wait_for_all(progress.done, within_s=_STUCK_S)
    await wire.close()
    return Held(
        messages=schedule.messages,
        hold_queues=hold_queues,
        all_held=all_held,
        publish_per_s=schedule.messages / publish_s,
        empty=empty,
        held=held,
        most_resident_mb=broker.most_resident_mb(),
        paced=arrivals.spread(schedule.paced),
        burst=arrivals.spread(schedule.burst),
        release_per_s=len(schedule.burst) / arrivals.seconds(schedule.burst),
        tally=arrivals.tally(),
    )


def _messages(
    mechanism: Mechanism, schedule: Schedule, arrivals: Arrivals, body_bytes: int
) -> Iterator[bytes]:
    """All of them, each made when it is asked for: its delay depends on the moment."""
    envelopes: dict[int, Envelope] = {}
    kinds = mechanism.lengths
    began = monotonic()
    for number in range(schedule.messages):
        lengths = kinds[number // schedule.paced_every % len(kinds)]
        delay_ms = schedule.delay_ms(number, monotonic() - began, lengths)
        if delay_ms not in envelopes:
            envelopes[delay_ms] = mechanism.envelope(delay_ms, body_bytes=body_bytes)
        arrivals.expect(number, delay_ms)
        yield envelopes[delay_ms].seal(number)
