"""How late attempts were, per tier, as the fleet wrote it down and as the receiver saw it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from notifier.loadtest.judge import Effect

EDGES_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Where the columns of a distribution end; the last one has no end."""
NEVER_MADE = frozenset({"released", "cancelled"})
"""Outcomes of attempts that never reached for the receiver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """whom: as in a promise. due_at: UTC. lateness_ms: start minus due_at, the database's time."""

    whom: str
    tier: int
    due_at: datetime
    lateness_ms: float
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Milliseconds; percentiles by nearest rank."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


def spread_of(values: Sequence[float]) -> Spread:
    """values: at least one."""
    ordered = sorted(values)

    def rank(share: float) -> float:
        return ordered[max(0, ceil(share * len(ordered)) - 1)]

    return Spread(
        count=len(ordered), p50=rank(0.50), p95=rank(0.95), p99=rank(0.99), max=ordered[-1]
    )


def by_attempts(rows: Iterable[AttemptRow]) -> dict[int, Spread]:
    """Every attempt that was made, by tier."""
    return _by_tier((row.tier, row.lateness_ms) for row in rows if row.outcome not in NEVER_MADE)


def distribution(rows: Iterable[AttemptRow]) -> dict[int, tuple[int, ...]]:
    """By tier: how many attempts of `by_attempts` were as late as each column of EDGES_MS says.

    One that is exactly as late as an edge belongs below it.
    """
    counts: dict[int, list[int]] = {}
    for row in rows:
        if row.outcome not in NEVER_MADE:
            columns = counts.setdefault(row.tier, [0] * (len(EDGES_MS) + 1))
            columns[bisect_left(EDGES_MS, row.lateness_ms)] += 1
    return {tier: tuple(counts[tier]) for tier in sorted(counts)}


def as_received(rows: Iterable[AttemptRow], effects: Iterable[Effect]) -> dict[int, Spread]:
    """The receiver's first byte minus the due moment of the attempt that succeeded, by tier."""
    received_at: Mapping[str, float] = {each.whom: each.received_at for each in effects}
    return _by_tier(
        (row.tier, (received_at[row.whom] - row.due_at.timestamp()) * 1000)
        for row in rows
        if row.outcome == "sent" and row.whom in received_at
    )


def _by_tier(pairs: Iterable[tuple[int, float]]) -> dict[int, Spread]:
    values: dict[int, list[float]] = {}
    for tier, lateness_ms in pairs:
        values.setdefault(tier, []).append(lateness_ms)
    return {tier: spread_of(values[tier]) for tier in sorted(values)}
