"""What the sink saw, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers.cost import Sample
from notifier.errors import NotifierError


class BadLog(NotifierError):
    """A line of the sink's log is not what its configuration says."""


@dataclass(frozen=True, slots=True)
class Hit:
    """at_s: epoch seconds of the sink's clock, when the request was answered."""

    at_s: float
    id: str
    is_heard: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """seconds: from the first hit to the last, so that nobody's start counts.

    samples: taken meanwhile, of those who were at work.
    """

    orders: int
    lost: int
    doubled: int
    seconds: float
    early: int = 0
    samples: Sequence[Sample] = ()

    @property
    def per_s(self) -> float:
        told = self.orders - self.lost
        return (told - 1) / self.seconds if self.seconds else 0.0

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.early)


def read_hits(text: str) -> list[Hit]:
    """Lines `EPOCH ID`, and ` 0` after it where the call was refused.

    A last line without its end is not there yet. Raises BadLog.
    """
    hits = []
    for line in text[: text.rfind("\n") + 1].splitlines():
        at, id_, *refused = [*line.split(" "), ""][:3]
        try:
            hits.append(Hit(float(at), id_, refused != ["0"]))
        except ValueError:
            raise BadLog(f"the sink's log: {line!r} is no time and id") from None
    return hits


def tally_of(
    hits: Sequence[Hit],
    orders: int,
    *,
    delays_s: Sequence[float] = (),
    samples: Sequence[Sample] = (),
) -> Tally:
    """hits: of this round, in their order. delays_s: before an order's second call and so on."""
    told = Counter(hit.id for hit in hits if hit.is_heard)
    moments = [hit.at_s for hit in hits]
    return Tally(
        orders=orders,
        lost=orders - len(told),
        doubled=sum(times > 1 for times in told.values()),
        seconds=max(moments) - min(moments) if moments else 0.0,
        early=_early(hits, delays_s),
        samples=samples,
    )


def _early(hits: Sequence[Hit], delays_s: Sequence[float]) -> int:
    """Calls that came before their delay was over, by more than the clock's millisecond."""
    calls: dict[str, list[float]] = {}
    for hit in hits:
        calls.setdefault(hit.id, []).append(hit.at_s)
    return sum(
        later - earlier < delay_s - 0.001
        for moments in calls.values()
        for earlier, later, delay_s in zip(moments, moments[1:], delays_s, strict=False)
    )
