"""Who was how much faster, and whether the run counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.peers.contestants import FLOOR, NOTIFIER
from benchmarks.peers.cost import Cost, cost_of, typical
from benchmarks.peers.hits import Tally
from benchmarks.peers.memory import Memory
from notifier.loadtest.lateness import Spread

FLOOR_IS_ONE = "floor / best peer"
FLOOR_TO_PEER = 3.5
NOTIFIER_TO_PEER = 3.0
NOTIFIER_TO_FLOOR = 0.85
PUBLISHED_PER_S = 5_000
LATENESS_MS: Mapping[tuple[int, str], float] = {
    (500, "p50"): 4,
    (500, "p99"): 15,
    (1_000, "p99"): 40,
}
"""At most, by orders a second."""
GROWN_TO_NONE = 0.90
MEMORY_MB = 90
MEMORY_GROWTH = 1.05
"""At most: the last quarter's to the second quarter's."""
GUARDED_TO_FLOOR = 0.60


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """label: with how many workers. tallies: of the rounds in their order."""

    label: str
    tallies: Sequence[Tally]

    @property
    def rates(self) -> list[float]:
        return [tally.per_s for tally in self.tallies]

    @property
    def per_s(self) -> float:
        return median(self.rates)

    @property
    def lost(self) -> int:
        return sum(tally.lost for tally in self.tallies)

    @property
    def doubled(self) -> int:
        return sum(tally.doubled for tally in self.tallies)

    @property
    def early(self) -> int:
        return sum(tally.early for tally in self.tallies)

    @property
    def is_clean(self) -> bool:
        return all(tally.is_clean for tally in self.tallies)

    @property
    def cost(self) -> Cost | None:
        """The median round's."""
        return typical([cost for tally in self.tallies if (cost := cost_of(tally.samples))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """least, most: what is wanted, one of them. found: None where it was not measured."""

    text: str
    found: float | None
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool | None:
        if self.found is None:
            return None
        if self.least is not None and self.found < self.least:
            return False
        return self.most is None or self.found <= self.most


def best_peer(scores: Mapping[str, Score]) -> str | None:
    peers = [name for name in scores if name not in (FLOOR, NOTIFIER)]
    return max(peers, key=lambda name: scores[name].per_s, default=None)


def checks_of(scores: Mapping[str, Score], *, job: str) -> list[Check]:
    """job: dispatch, retry or publish."""
    if job == "publish":
        found = scores[NOTIFIER].per_s if NOTIFIER in scores else None
        return [Check(text="notifier publishes a second", least=PUBLISHED_PER_S, found=found)]
    peer = best_peer(scores)
    found = _ratio(scores, NOTIFIER, peer)
    to_peer = Check(text="notifier / best peer", least=NOTIFIER_TO_PEER, found=found)
    if job == "retry":
        return [to_peer]
    return [
        Check(text=FLOOR_IS_ONE, least=FLOOR_TO_PEER, found=_ratio(scores, FLOOR, peer)),
        to_peer,
        Check(
            text="notifier / floor",
            least=NOTIFIER_TO_FLOOR,
            found=_ratio(scores, NOTIFIER, FLOOR),
        ),
    ]


def lateness_checks(spreads: Mapping[int, Spread]) -> list[Check]:
    """spreads: by orders a second."""
    return [
        Check(
            text=f"lateness at {rate:,}/s, {name}, ms",
            most=most_ms,
            found=getattr(spreads[rate], name) if rate in spreads else None,
        )
        for (rate, name), most_ms in LATENESS_MS.items()
    ]


def growth_check(per_s: Mapping[int, float]) -> Check:
    """per_s: by how many others wait, 0 among them."""
    most = max(per_s)
    found = per_s[most] / per_s[0] if most and per_s[0] else None
    return Check(text=f"throughput, {most:,} waiting / none", least=GROWN_TO_NONE, found=found)


def memory_checks(memory: Memory) -> list[Check]:
    return [
        Check(text="most resident, MB", most=MEMORY_MB, found=memory.most_mb),
        Check(
            text="resident, last quarter / second",
            most=MEMORY_GROWTH,
            found=memory.growth,
        ),
    ]


def guard_check(rounds: Sequence[tuple[float, float]]) -> Check:
    """rounds: notifier's rate and the floor's, of each."""
    ratios = [ours / floors for ours, floors in rounds]
    return Check(
        text="notifier / floor, median of the rounds",
        least=GUARDED_TO_FLOOR,
        found=median(ratios) if ratios else None,
    )


def counts(checks: Sequence[Check]) -> bool:
    """Whether the floor is one."""
    return all(check.is_met is not False for check in checks if check.text == FLOOR_IS_ONE)


def _ratio(scores: Mapping[str, Score], name: str, to: str | None) -> float | None:
    if to is None or name not in scores or to not in scores or not scores[to].per_s:
        return None
    return scores[name].per_s / scores[to].per_s
