"""Everybody's best number of workers, then rounds in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers.contestants import Contestant, Variant
from benchmarks.peers.hits import Tally
from benchmarks.peers.verdict import Score

Say = Callable[[str], None]
Round = Callable[[Contestant, Variant, int], Tally]


MOST_TRIAL = 2_000
MOST_TRIAL_OF_OURS = 8_000
"""notifier and the floor are done with a small number before they are warm."""
OUT_BELOW = 0.75
"""A peer so far below the best one's first round has had its only one: the time is the others'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """orders: in each round."""

    orders: int
    rounds: int

    def trial(self, contestant: Contestant) -> int:
        """Orders to find out how many workers are best for it."""
        return min(self.orders, MOST_TRIAL if contestant.is_peer else MOST_TRIAL_OF_OURS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """do: one round of it. variants: what is tried."""

    do: Round
    variants: Callable[[Contestant], Sequence[Variant]]


def best_of(job: Job, one: Contestant, *, plan: Plan, say: Say) -> Variant:
    """The fastest one."""
    variants = job.variants(one)
    if len(variants) == 1:
        return variants[0]
    found = {}
    for variant in variants:
        found[variant.label] = job.do(one, variant, plan.trial(one)).per_s
        say(f"trying {one.name}, {variant.label}: {found[variant.label]:,.0f}/s")
    return max(variants, key=lambda variant: found[variant.label])


def run(
    job: Job,
    contestants: Sequence[Contestant],
    best: Mapping[str, Variant],
    *,
    plan: Plan,
    say: Say,
) -> dict[str, Score]:
    """By name. best: everybody's number of workers, by name."""
    tallies: dict[str, list[Tally]] = {one.name: [] for one in contestants}
    for number in range(plan.rounds):
        for one in in_turn(_still_in(contestants, tallies), number):
            tally = job.do(one, best[one.name], plan.orders)
            say(f"round {number + 1}: {one.name} {tally.per_s:,.0f}/s")
            tallies[one.name].append(tally)
    return {
        name: Score(label=best[name].label, tallies=tuple(each)) for name, each in tallies.items()
    }


def _still_in(
    contestants: Sequence[Contestant], tallies: Mapping[str, Sequence[Tally]]
) -> Sequence[Contestant]:
    first = {name: rounds[0].per_s for name, rounds in tallies.items() if rounds}
    best = max((first[one.name] for one in contestants if one.is_peer and first), default=0.0)
    return [
        one
        for one in contestants
        if not one.is_peer or not first or first[one.name] >= OUT_BELOW * best
    ]


def in_turn(contestants: Sequence[Contestant], number: int) -> Sequence[Contestant]:
    """Another one begins each round."""
    first = number % len(contestants)
    return [*contestants[first:], *contestants[:first]]
