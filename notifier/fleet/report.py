"""What a process tells its supervisor: a beat, or why it failed. One packet each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import orjson

from notifier.domain.worker import WorkerReport

LATENESS_BOUNDS_MS = (1, 2, 5, 8, 10, 15, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 60000)
"""Upper bounds of the histogram's buckets; one more holds the rest."""
PACKET_BYTES = 65536
TEXT_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts since a process started; the fields are the outcomes of WorkerReport."""

    sent: int = 0
    retried: int = 0
    dead: int = 0
    cancelled: int = 0
    unknown: int = 0
    released: int = 0
    published: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    @property
    def attempts(self) -> int:
        return self.sent + self.retried + self.dead + self.cancelled + self.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """A histogram. counts: one per bound and the rest, not cumulative."""

    counts: tuple[int, ...] = (0,) * (len(LATENESS_BOUNDS_MS) + 1)
    sum_ms: float = 0.0

    def with_samples(self, samples_ms: Iterable[float]) -> Lateness:
        counts, total = list(self.counts), self.sum_ms
        for sample in samples_ms:
            counts[bisect_left(LATENESS_BOUNDS_MS, sample)] += 1
            total += sample
        return Lateness(counts=tuple(counts), sum_ms=total)

    def __add__(self, other: Lateness) -> Lateness:
        return Lateness(
            counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            sum_ms=self.sum_ms + other.sum_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """ready: the worker is connected and takes work."""

    ready: bool = False
    in_flight: int = 0
    rss_bytes: int = 0
    last_error: str = ""
    tally: Tally = Tally()
    lateness: Lateness = Lateness()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the process is about to end."""

    text: str


Report = Beat | Failure


def beat_of(report: WorkerReport, *, ready: bool, rss_bytes: int, lateness: Lateness) -> Beat:
    return Beat(
        ready=ready,
        in_flight=report.in_flight,
        rss_bytes=rss_bytes,
        last_error=report.last_error[:TEXT_LENGTH],
        tally=Tally(**{f.name: getattr(report, f.name) for f in fields(Tally)}),
        lateness=lateness,
    )


def encode(report: Report) -> bytes:
    return orjson.dumps({type(report).__name__: asdict(report)})


def decode(packet: bytes) -> Report:
    """Raises ValueError for anything `encode` does not make."""
    document: dict[str, dict[str, Any]] = orjson.loads(packet)
    try:
        [(name, content)] = document.items()
        if name == "Beat":
            content["tally"] = Tally(**content["tally"])
            content["lateness"] = Lateness(
                counts=tuple(content["lateness"]["counts"]), sum_ms=content["lateness"]["sum_ms"]
            )
            return Beat(**content)
        return Failure(**content)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no report of a process: {packet[:100]!r}") from error
