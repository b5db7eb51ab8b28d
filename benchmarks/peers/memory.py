"""How much memory a consumer process holds from the first notification to the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.peers.cost import Sample

CONSUMER = "tier 1s"
"""The title of the process that does the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Of one process. quarters_mb: resident while each quarter was told, the median."""

    notifications: int
    most_mb: float
    quarters_mb: tuple[float, ...]

    @property
    def growth(self) -> float | None:
        """The first quarter is left out: that is when buffers and caches fill."""
        if len(self.quarters_mb) < 4:
            return None
        return self.quarters_mb[3] / self.quarters_mb[1]


def memory_of(samples: Sequence[Sample], count: int, *, name: str = CONSUMER) -> Memory | None:
    """None where there is no process of that name. count: notifications in all."""
    seen = [(each.told, each.rss_mb[name]) for each in samples if each.rss_mb.get(name)]
    if not seen:
        return None
    quarters = []
    for number in range(4):
        low, high = count * number / 4, count * (number + 1) / 4
        values = [mb for told, mb in seen if low < told <= high]
        if values:
            quarters.append(median(values))
    return Memory(
        notifications=count, most_mb=max(mb for _, mb in seen), quarters_mb=tuple(quarters)
    )
