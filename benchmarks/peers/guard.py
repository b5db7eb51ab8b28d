"""A small comparison with the floor alone, for every change: by a ratio, never by a time."""

from __future__ import annotations

from benchmarks.peers import report
from benchmarks.peers.contestants import FLOOR, NOTIFIER, Contestant, Variant
from benchmarks.peers.rounds import Rounds
from benchmarks.peers.run import Say, in_turn
from benchmarks.peers.verdict import guard_check

ORDERS = 6_000
"""What the floor has claimed before its first one is told, 400, is no more than a fifteenth."""
ROUNDS = 3
LABELS = {NOTIFIER: "2 x first tier, concurrency 400", FLOOR: "1 process"}
"""Without a trial: what is best for both on two cores."""


def watch(rounds: Rounds, say: Say) -> int:
    """Exit code 1: lost or doubled, or too far below the floor."""
    both = [Contestant.named(NOTIFIER), Contestant.named(FLOOR)]
    found: list[dict[str, float]] = []
    is_clean = True
    for number in range(ROUNDS):
        per_s = {}
        for one in in_turn(both, number):
            tally = rounds.dispatch(one, _variant(one), ORDERS)
            say(f"round {number + 1}: {one.name} {tally.per_s:,.0f}/s")
            per_s[one.name] = tally.per_s
            is_clean = is_clean and tally.is_clean
        found.append(per_s)
    check = guard_check([(per_s[NOTIFIER], per_s[FLOOR]) for per_s in found])
    print(report.verdict([check]))
    if not is_clean:
        print("an order was lost, or told twice")
    return 0 if is_clean and check.is_met else 1


def _variant(one: Contestant) -> Variant:
    return next(each for each in one.variants if each.label == LABELS[one.name])
