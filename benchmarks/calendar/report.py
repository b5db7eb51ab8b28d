"""How the figures are printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from benchmarks.calendar.run import Report


def document_of(report: Report) -> dict[str, Any]:
    return asdict(report)


def lines_of(report: Report) -> Iterator[str]:
    yield f"machine     {report.machine.line}"
    for late in report.punctuality:
        spread = late.lateness
        yield (
            f"punctual    {late.mechanism}: {spread.count:,} at {late.per_s}/s, {late.promoted:,} "
            f"of them promoted from the calendar (horizon {late.horizon_s} s): late "
            f"p50 {spread.p50:.1f}, p95 {spread.p95:.1f}, p99 {spread.p99:.1f}, "
            f"most {spread.max:.1f} ms"
        )
    if report.cost is not None:
        cost = report.cost
        for others, us in cost.us.items():
            yield (
                f"cost        {us:.1f} µs for a promoted row while {others:,} others wait, "
                f"{cost.database_us[others]:.1f} of them in the database"
            )
        yield (
            f"ratio       {cost.ratio:.2f} (database alone {cost.database_ratio:.2f}), "
            f"medians of {cost.rounds} rounds in turn of {cost.rows_per_round} rows"
        )
