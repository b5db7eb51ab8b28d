"""What a confirmed publish into the delay costs, beside one into a queue that delays nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from time import monotonic

from benchmarks.delay.broker import Broker
from benchmarks.delay.hold import IN_FLIGHT
from benchmarks.delay.mechanisms import Address, Mechanism, declare_quorum
from benchmarks.delay.progress import Progress
from benchmarks.delay.wire import Envelopes, Wire

ROUNDS = 9
_PLAIN = "plain"
_HOUR_MS = 3_600_000
"""One hop, and nothing comes out while we measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Confirmed publishes a second, the medians of the rounds, and the median of their ratios."""

    rounds: int
    publishes_per_round: int
    delayed_per_s: float
    plain_per_s: float
    ratio: float


async def publish_ratio(
    broker: Broker, mechanism: Mechanism, *, publishes: int, body_bytes: int, progress: Progress
) -> Ratio:
    """publishes: into each of the two in each round."""
    wire = await broker.wire()
    await mechanism.declare(wire, [_HOUR_MS])
    await declare_quorum(wire, _PLAIN)
    delayed = mechanism.address(_HOUR_MS)
    # The same message, header included.
    plain: Address = ("", _PLAIN, delayed[2])
    envelopes = Envelopes(body_bytes)

    async def rate(address: Address) -> float:
        return publishes / await _seconds(wire, _messages(envelopes, address, publishes))

    progress.phase("publish ratio", ROUNDS)
    await rate(delayed)
    await rate(plain)
    rates: list[tuple[float, float]] = []
    for number in range(ROUNDS):
        if number % 2:
            behind = await rate(plain)
            rates.append((await rate(delayed), behind))
        else:
            rates.append((await rate(delayed), await rate(plain)))
        progress.done(number + 1)
    await wire.close()
    return Ratio(
        rounds=ROUNDS,
        publishes_per_round=publishes,
        delayed_per_s=median(delayed_per_s for delayed_per_s, _ in rates),
        plain_per_s=median(plain_per_s for _, plain_per_s in rates),
        ratio=median(delayed_per_s / plain_per_s for delayed_per_s, plain_per_s in rates),
    )


def _messages(envelopes: Envelopes, address: Address, count: int) -> Iterator[bytes]:
    return (envelopes.seal(number, *address) for number in range(count))


async def _seconds(wire: Wire, messages: Iterator[bytes]) -> float:
    began = monotonic()
    await wire.publish(messages, in_flight=IN_FLIGHT)
    return monotonic() - began
