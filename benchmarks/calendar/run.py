"""The whole benchmark, on one private stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.calendar.cost import Cost, promotion_cost
from benchmarks.calendar.progress import Progress
from benchmarks.calendar.punctuality import Punctuality, punctuality
from benchmarks.calendar.servers import private_stack
from notifier.loadtest.machine import Machine, this_machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """few, many: others that wait while rows are promoted; many = 0: cost is not measured.

    count: told through the calendar with each mechanism, per_s a second; 0: not measured.
    folder: where the servers keep their data; None for the default.
    """

    few: int
    many: int
    rounds: int
    mechanisms: tuple[str, ...]
    count: int
    per_s: int
    horizon_s: int
    folder: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    machine: Machine
    cost: Cost | None
    punctuality: Sequence[Punctuality]


async def run(plan: Plan, progress: Progress) -> Report:
    """Raises NotifierError where there is nothing to report."""
    machine = this_machine()
    progress("starting servers")
    with private_stack(plan.folder) as stack:
        late = [
            await punctuality(
                stack,
                stack.folder.parent / mechanism,
                mechanism=mechanism,
                per_s=plan.per_s,
                count=plan.count,
                horizon_s=plan.horizon_s,
                progress=progress,
            )
            for mechanism in plan.mechanisms
            if plan.count
        ]
        cost = None
        if plan.many:
            cost = await promotion_cost(
                stack, few=plan.few, many=plan.many, rounds=plan.rounds, progress=progress
            )
    return Report(machine=machine, cost=cost, punctuality=late)
