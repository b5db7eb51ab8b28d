"""What happened when, over the length of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from notifier.loadtest.lateness import NEVER_MADE, AttemptRow

MOST_STEPS = 120
STEPS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Counts of each step, from the first acceptance on, by the database's clock.

    told, refused: attempts that began in it and succeeded, or did not.
    """

    step_s: float
    accepted: tuple[int, ...]
    told: tuple[int, ...]
    refused: tuple[int, ...]


def course_of(accepted: Mapping[float, int], attempts: Iterable[AttemptRow]) -> Course | None:
    """accepted: how many, by epoch seconds. None where nothing was accepted."""
    if not accepted:
        return None
    made = [row for row in attempts if row.outcome not in NEVER_MADE]
    told = Counter(_began(row) for row in made if row.outcome == "sent")
    refused = Counter(_began(row) for row in made if row.outcome != "sent")
    start = min(accepted)
    longest = max([*accepted, *told, *refused]) - start
    step_s = next((step for step in STEPS_S if longest / step < MOST_STEPS), STEPS_S[-1])
    length = int(longest / step_s) + 1

    def steps(counts: Mapping[float, int]) -> tuple[int, ...]:
        found = [0] * length
        for moment, count in counts.items():
            found[max(0, min(length - 1, int((moment - start) / step_s)))] += count
        return tuple(found)

    return Course(step_s=step_s, accepted=steps(accepted), told=steps(told), refused=steps(refused))


def _began(row: AttemptRow) -> float:
    return (row.due_at + timedelta(milliseconds=row.lateness_ms)).timestamp()
