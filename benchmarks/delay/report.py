"""The figures as JSON, and as a table for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.delay.arrivals import Tally
from benchmarks.delay.run import Measured, Report
from notifier.loadtest.lateness import Spread

_Row = tuple[str, Callable[[Measured], str]]


def document_of(report: Report) -> dict[str, Any]:
    """Rates are per second, lateness is in ms, memory in MB of 10^6 bytes."""
    return {
        "broker": report.broker,
        "machine": asdict(report.machine),
        "messages": report.plan.messages,
        "body_bytes": report.plan.body_bytes,
        "clean": report.is_clean,
        "mechanisms": {each.mechanism: _rounded(_figures(each)) for each in report.measured},
    }


def show(report: Report, console: Console) -> None:
    plan = report.plan
    console.print(f"{report.broker}; {report.machine.line}")
    console.print(f"bodies of {plan.body_bytes} bytes, persistent; all queues are quorum queues")
    table = Table(show_edge=False)
    table.add_column(no_wrap=True)
    for each in report.measured:
        table.add_column(each.mechanism, justify="right", no_wrap=True)
    for heading, rows in _SECTIONS:
        table.add_section()
        table.add_row(f"[bold]{heading.format(plan=plan)}")
        for label, cell in rows:
            table.add_row(label, *(cell(each) for each in report.measured))
    console.print(table)
    for line in _complaints(report):
        console.print(f"[red]{line}")


def _complaints(report: Report) -> Iterator[str]:
    for each in report.measured:
        if not each.held.all_held:
            yield (
                f"{each.mechanism}: publishing took longer than expected, so the first messages "
                "came out before the last went in: run again on a quieter machine"
            )
        if not each.is_clean:
            yield f"{each.mechanism}: NOT CLEAN, see lost, doubled and early"


def _ms(spread: Spread) -> str:
    return f"{spread.p50:.1f} / {spread.p99:.1f} / {spread.max:.1f} ms"


def _s(spread: Spread) -> str:
    return f"{spread.p50 / 1000:.1f} / {spread.p99 / 1000:.1f} / {spread.max / 1000:.1f} s"


def _rate(per_s: float) -> str:
    return f"{per_s:,.0f}/s"


def _mb(size: float) -> str:
    return f"{size:,.0f} MB"


def _counts(tally: Tally) -> str:
    return f"{tally.lost} / {tally.doubled} / {tally.early}"


_SECTIONS: tuple[tuple[str, tuple[_Row, ...]], ...] = (
    (
        "1,000 a second, delay 1 s",
        (
            ("lateness p50 / p99 / max", lambda each: _ms(each.punctuality.lateness)),
            ("lost / doubled / early", lambda each: _counts(each.punctuality.tally)),
        ),
    ),
    (
        "confirmed publishes, 200 in flight",
        (
            ("delayed", lambda each: _rate(each.ratio.delayed_per_s)),
            ("plain quorum queue, default exchange", lambda each: _rate(each.ratio.plain_per_s)),
            ("  ratio", lambda each: f"{each.ratio.ratio:.2f}"),
            ("the same, direct exchange", lambda each: _rate(each.ratio.direct_per_s)),
            ("  ratio", lambda each: f"{each.ratio.ratio_to_direct:.2f}"),
        ),
    ),
    (
        "{plan.messages:,} held",
        (
            ("hold queues", lambda each: str(each.held.hold_queues)),
            ("published and confirmed", lambda each: _rate(each.held.publish_per_s)),
            ("erlang:memory(total), empty", lambda each: _mb(each.held.empty.erlang)),
            ("  with all held, above that", lambda each: _mb(each.held.erlang_above_mb)),
            ("resident, empty", lambda each: _mb(each.held.empty.resident)),
            ("  with all held, above that", lambda each: _mb(each.held.resident_above_mb)),
            ("  most, in all", lambda each: _mb(each.held.most_resident_mb)),
        ),
    ),
    (
        "released",
        (
            ("paced: lateness p50 / p99 / max", lambda each: _ms(each.held.paced)),
            ("burst: release rate", lambda each: _rate(each.held.release_per_s)),
            ("burst: lateness p50 / p99 / max", lambda each: _s(each.held.burst)),
            ("lost / doubled / early", lambda each: _counts(each.held.tally)),
        ),
    ),
)


def _figures(each: Measured) -> dict[str, Any]:
    held = {
        **asdict(each.held),
        "erlang_above_mb": each.held.erlang_above_mb,
        "resident_above_mb": each.held.resident_above_mb,
    }
    return {"publish": asdict(each.ratio), "punctuality": asdict(each.punctuality), "held": held}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 3) if isinstance(value, float) else value
