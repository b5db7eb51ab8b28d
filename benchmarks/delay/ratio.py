"""What a confirmed publish into the delay costs, beside one into a queue that delays nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from time import monotonic

from pamqp import commands as spec

from benchmarks.delay.broker import Broker
from benchmarks.delay.envelope import Envelope
from benchmarks.delay.hold import IN_FLIGHT
from benchmarks.delay.mechanisms import Mechanism, declare_quorum
from benchmarks.delay.progress import Progress
from benchmarks.delay.wire import Wire

HOUR_MS = 3_600_000
"""One hop, and nothing comes out while we measure."""

_ROUNDS = 9
_PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Confirmed publishes a second, medians of the rounds; ratio: the median of the rounds' ratios.

    plain: into a quorum queue through the default exchange, which RabbitMQ spares the routing.
    direct: into the same queue through an exchange of type direct.
    """

    rounds: int
    publishes_per_round: int
    delayed_per_s: float
    plain_per_s: float
    direct_per_s: float
    ratio: float
    ratio_to_direct: float


async def publish_ratio(
    broker: Broker, mechanism: Mechanism, *, publishes: int, body_bytes: int, progress: Progress
) -> Ratio:
    """publishes: into each of the three in each round."""
    await mechanism.declare(broker.url)
    wire = await broker.wire()
    await _declare(wire)
    envelopes = list(_envelopes(mechanism, body_bytes))
    progress.phase("publish ratio", _ROUNDS)
    rates: list[list[float]] = []
    for number in range(_ROUNDS + 1):
        # Each comes first in every third round.
        order = [(number + place) % len(envelopes) for place in range(len(envelopes))]
        measured = {each: await _rate(wire, envelopes[each], publishes) for each in order}
        rates.append([measured[each] for each in range(len(envelopes))])
        progress.done(number)
    await wire.close()
    return _ratio_of(rates[1:], publishes)


def _ratio_of(rates: list[list[float]], publishes: int) -> Ratio:
    delayed_per_s, plain_per_s, direct_per_s = (median(each) for each in zip(*rates, strict=True))
    return Ratio(
        rounds=len(rates),
        publishes_per_round=publishes,
        delayed_per_s=delayed_per_s,
        plain_per_s=plain_per_s,
        direct_per_s=direct_per_s,
        ratio=median(delayed / plain for delayed, plain, _ in rates),
        ratio_to_direct=median(delayed / direct for delayed, _, direct in rates),
    )


async def _declare(wire: Wire) -> None:
    await declare_quorum(wire, _PLAIN)
    await wire.request(spec.Exchange.Declare(exchange=_PLAIN, exchange_type="direct", durable=True))
    await wire.request(spec.Queue.Bind(queue=_PLAIN, exchange=_PLAIN, routing_key=_PLAIN))


def _envelopes(mechanism: Mechanism, body_bytes: int) -> Iterator[Envelope]:
    """Delayed, plain and direct: the same message, headers included."""
    yield mechanism.envelope(HOUR_MS, body_bytes=body_bytes)
    headers = mechanism.delay.headers(timedelta(milliseconds=HOUR_MS))
    for exchange in ("", _PLAIN):
        publish = spec.Basic.Publish(exchange=exchange, routing_key=_PLAIN)
        yield Envelope(publish, headers, body_bytes=body_bytes)


async def _rate(wire: Wire, envelope: Envelope, publishes: int) -> float:
    began = monotonic()
    messages = (envelope.seal(number) for number in range(publishes))
    await wire.publish(messages, in_flight=IN_FLIGHT)
    return publishes / (monotonic() - began)
