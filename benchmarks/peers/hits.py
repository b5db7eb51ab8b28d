"""What the sink saw, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from notifier.errors import NotifierError


class BadLog(NotifierError):
    """A line of the sink's log is not what its configuration says."""


@dataclass(frozen=True, slots=True)
class Hit:
    """at_s: epoch seconds of the sink's clock, when the request was answered."""

    at_s: float
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """seconds: from the first hit to the last, so that nobody's start counts."""

    orders: int
    lost: int
    doubled: int
    seconds: float

    @property
    def per_s(self) -> float:
        told = self.orders - self.lost
        return (told - 1) / self.seconds if self.seconds else 0.0

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled)


def read_hits(text: str) -> list[Hit]:
    """Lines `EPOCH.MS ID`; a last line without its end is not there yet. Raises BadLog."""
    hits = []
    for line in text[: text.rfind("\n") + 1].splitlines():
        at, _, id_ = line.partition(" ")
        try:
            hits.append(Hit(float(at), id_))
        except ValueError:
            raise BadLog(f"the sink's log: {line!r} is no time and id") from None
    return hits


def tally_of(hits: Sequence[Hit], orders: int) -> Tally:
    """hits: of this round."""
    told = Counter(hit.id for hit in hits)
    moments = [hit.at_s for hit in hits]
    return Tally(
        orders=orders,
        lost=orders - len(told),
        doubled=sum(times > 1 for times in told.values()),
        seconds=max(moments) - min(moments) if moments else 0.0,
    )
