"""Everybody's best number of workers, then rounds in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.peers.contestants import Contestant, Variant
from benchmarks.peers.dispatch import Rounds
from benchmarks.peers.hits import Tally
from benchmarks.peers.verdict import Score

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """orders: in each round. trial: to find out how many workers are best for a contestant."""

    orders: int
    rounds: int
    trial: int


def run(
    rounds: Rounds, contestants: Sequence[Contestant], plan: Plan, say: Say
) -> dict[str, Score]:
    """By name."""
    best = {one.name: _best(rounds, one, plan.trial, say) for one in contestants}
    tallies: dict[str, list[Tally]] = {one.name: [] for one in contestants}
    for number in range(plan.rounds):
        for one in in_turn(contestants, number):
            tally = rounds.run(one, best[one.name], plan.orders)
            say(f"round {number + 1}: {one.name} {tally.per_s:,.0f}/s")
            tallies[one.name].append(tally)
    return {
        name: Score(label=best[name].label, tallies=tuple(each)) for name, each in tallies.items()
    }


def in_turn(contestants: Sequence[Contestant], number: int) -> Sequence[Contestant]:
    """Another one begins each round."""
    first = number % len(contestants)
    return [*contestants[first:], *contestants[:first]]


def _best(rounds: Rounds, one: Contestant, trial: int, say: Say) -> Variant:
    if len(one.variants) == 1:
        return one.variants[0]
    found = {}
    for variant in one.variants:
        found[variant.label] = rounds.run(one, variant, trial).per_s
        say(f"trying {one.name}, {variant.label}: {found[variant.label]:,.0f}/s")
    return max(one.variants, key=lambda variant: found[variant.label])
