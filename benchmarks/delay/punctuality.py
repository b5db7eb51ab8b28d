"""How late messages come when they are due at an even pace and nothing else is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from benchmarks.delay.arrivals import Arrivals, Tally
from benchmarks.delay.broker import Broker
from benchmarks.delay.mechanisms import Mechanism
from benchmarks.delay.progress import Progress
from benchmarks.delay.schedule import PACED_PER_S
from notifier.loadtest.lateness import Spread

DELAY_MS = 1_000
_PREFETCH = 500
_STUCK_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Punctuality:
    """lateness: ms at the consumer, from the moment of publishing plus the delay."""

    per_s: int
    delay_ms: int
    lateness: Spread
    tally: Tally


async def punctuality(
    broker: Broker, mechanism: Mechanism, *, messages: int, body_bytes: int, progress: Progress
) -> Punctuality:
    """Raises BenchmarkError where something is refused or does not come back."""
    arrivals = Arrivals(messages)
    await mechanism.declare(broker.url)
    publishing, consuming = await broker.wire(), await broker.wire()
    await consuming.consume(mechanism.targets, arrivals.on_body, prefetch=_PREFETCH)
    progress.phase(f"lateness at {PACED_PER_S} a second", messages)
    envelope = mechanism.envelope(DELAY_MS, body_bytes=body_bytes)

    def publish(number: int) -> None:
        arrivals.expect(number, DELAY_MS)
        publishing.write([envelope.seal(number)])

    # The first makes the hold queue, which takes some 10 ms, and is not counted.
    publish(0)
    await publishing.confirmed()
    await _at_an_even_pace(range(1, messages), publish)
    await publishing.confirmed()
    await arrivals.wait_for_all(progress.done, within_s=_STUCK_S)
    await publishing.close()
    await consuming.close()
    return Punctuality(
        per_s=PACED_PER_S,
        delay_ms=DELAY_MS,
        lateness=arrivals.spread(range(1, messages)),
        tally=arrivals.tally(),
    )


async def _at_an_even_pace(numbers: range, publish: Callable[[int], None]) -> None:
    began = monotonic()
    for number in numbers:
        ahead_s = began + number / PACED_PER_S - monotonic()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        publish(number)
