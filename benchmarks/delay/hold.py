"""Hold many messages, then let them all go."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from benchmarks.delay.arrivals import Arrivals, Tally
from benchmarks.delay.broker import Broker, Memory
from benchmarks.delay.mechanisms import WORK, Mechanism, count
from benchmarks.delay.progress import Progress
from benchmarks.delay.schedule import Schedule
from benchmarks.delay.wire import Envelopes, Wire
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
    wire = await broker.wire()
    messages = _Messages(mechanism, schedule, arrivals, body_bytes)
    publish_s = await _publish(wire, messages, progress)
    progress.phase("reading the broker's memory")
    held = await broker.memory()
    all_held = await count(wire, WORK) == 0
    hold_queues = await broker.hold_queues()
    await _release(wire, arrivals, progress)
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


class _Messages:
    """All of them, each made when it is asked for: its delay depends on the moment."""

    def __init__(
        self, mechanism: Mechanism, schedule: Schedule, arrivals: Arrivals, body_bytes: int
    ) -> None:
        self.mechanism = mechanism
        self.kinds = mechanism.lengths(schedule.longest_ms)
        self._schedule = schedule
        self._arrivals = arrivals
        self._envelopes = Envelopes(body_bytes)

    def __len__(self) -> int:
        return self._schedule.messages

    @property
    def lengths(self) -> Sequence[int]:
        """Every delay that one of them may get."""
        longest_ms = self._schedule.longest_ms
        return [ms for kind in self.kinds for ms in kind[: bisect_left(kind, longest_ms) + 1]]

    def __iter__(self) -> Iterator[bytes]:
        schedule, kinds = self._schedule, self.kinds
        began = monotonic()
        for number in range(schedule.messages):
            lengths = kinds[number // schedule.paced_every % len(kinds)]
            delay_ms = schedule.delay_ms(number, monotonic() - began, lengths)
            self._arrivals.expect(number, delay_ms)
            yield self._envelopes.seal(number, *self.mechanism.address(delay_ms))


async def _publish(wire: Wire, messages: _Messages, progress: Progress) -> float:
    """Seconds from the first message to the last confirm."""
    await messages.mechanism.declare(wire, messages.lengths)
    progress.phase("publishing", len(messages))
    began = monotonic()
    await wire.publish(progress.counting(messages), in_flight=IN_FLIGHT)
    return monotonic() - began


async def _release(wire: Wire, arrivals: Arrivals, progress: Progress) -> None:
    progress.phase("waiting for what is due", arrivals.expected)
    await wire.consume([WORK], arrivals.on_body, prefetch=_PREFETCH)
    await arrivals.wait_for_all(progress.done, within_s=_STUCK_S)
