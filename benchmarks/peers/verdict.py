"""Who was how much faster, and whether the run counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.peers.contestants import FLOOR, NOTIFIER
from benchmarks.peers.hits import Tally

FLOOR_IS_ONE = "floor / best peer"
FLOOR_TO_PEER = 3.5
NOTIFIER_TO_PEER = 3.0
NOTIFIER_TO_FLOOR = 0.85
PUBLISHED_PER_S = 5_000


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """is_met: None where one of the two did not take part."""

    text: str
    least: float
    found: float | None

    @property
    def is_met(self) -> bool | None:
        return None if self.found is None else self.found >= self.least


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


def counts(checks: Sequence[Check]) -> bool:
    """Whether the floor is one."""
    return all(check.is_met is not False for check in checks if check.text == FLOOR_IS_ONE)


def _ratio(scores: Mapping[str, Score], name: str, to: str | None) -> float | None:
    if to is None or name not in scores or to not in scores or not scores[to].per_s:
        return None
    return scores[name].per_s / scores[to].per_s
