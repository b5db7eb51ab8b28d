"""How fleets are printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Literal

import orjson
from rich import box
from rich.console import Console
from rich.table import Table

from notifier.domain.pause import in_words, option_of, tier_scope
from notifier.fleet.status import FleetStatus, ProcessStatus
from notifier.fleet.survey import Survey

COLUMNS = (
    "process", "pid", "gen", "state", "up", "depth", "in flight", "per s",
    "sent", "retried", "dead", "memory",
)  # fmt: skip
MIB = 1024 * 1024
WIDTH = 120
"""Where no terminal has one."""


def document_of(seen: Survey) -> str:
    """JSON: fleets (as FleetStatus), depths (tier to messages ready, or null), problems.

    pauses, outbox: null where MySQL does not answer.
    """
    depths = None if seen.depths is None else {str(k): v for k, v in seen.depths.items()}
    document = {
        "fleets": [_without_lateness(fleet) for fleet in seen.fleets],
        "depths": depths,
        "pauses": None if seen.pauses is None else [asdict(pause) for pause in seen.pauses],
        "outbox": seen.outbox and asdict(seen.outbox),
        "problems": seen.problems,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def print_tables(seen: Survey) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    if not seen.fleets:
        console.print("no fleet runs; start one with `notifier run-consumers`")
    for fleet in seen.fleets:
        console.print(_headline(fleet))
        console.print(_table(fleet, seen))
        for process in fleet.processes:
            if process.last_error:
                console.print(f"  {_name(process)}: {process.last_error}", markup=False)
    for line in _lines_of(seen):
        console.print(line, markup=False, soft_wrap=True)


def _lines_of(seen: Survey) -> Iterator[str]:
    """What rests, how to end it, and what waits in the outbox."""
    for pause in seen.pauses or ():
        yield f"{in_words(pause)} (`notifier resume {option_of(pause.scope)}`)"
    if seen.outbox is not None:
        waiting, oldest_s = seen.outbox.waiting, seen.outbox.oldest_s
        since = f", the first for {oldest_s:.1f} s" if waiting else ""
        yield f"outbox: {waiting} rows wait{since}, {seen.outbox.rejected} were kept aside"


def _without_lateness(fleet: FleetStatus) -> dict[str, object]:
    document = asdict(fleet)
    for role in document["roles"]:
        del role["lateness"]
    return document


def _headline(fleet: FleetStatus) -> str:
    state = "stopping" if fleet.stopping else "ready" if fleet.is_ready else "not complete"
    return (
        f"fleet {fleet.name} on {fleet.host}: {state}, up {_duration(fleet.uptime_s)}, "
        f"supervisor {fleet.pid} ({fleet.rss_bytes // MIB} MB), version {fleet.version}"
    )


def _table(fleet: FleetStatus, seen: Survey) -> Table:
    table = Table(box=box.SIMPLE)
    for column in COLUMNS:
        justify: Literal["left", "right"] = "left" if column in ("process", "state") else "right"
        table.add_column(column, justify=justify, no_wrap=True)
    for process in fleet.processes:
        table.add_row(*_row(process, seen))
    return table


def _row(process: ProcessStatus, seen: Survey) -> tuple[str, ...]:
    depth = (seen.depths or {}).get(process.tier or 0)
    return (
        _name(process),
        str(process.pid),
        str(process.generation),
        _state(process, seen),
        _duration(process.uptime_s),
        "–" if depth is None else str(depth),
        str(process.in_flight),
        f"{process.rate_per_s:g}",
        str(process.tally.sent),
        str(process.tally.retried),
        str(process.tally.dead),
        f"{process.rss_bytes // MIB} MB",
    )


def _state(process: ProcessStatus, seen: Survey) -> str:
    resting = {pause.scope for pause in seen.pauses or ()}
    rests = process.tier is not None and tier_scope(process.tier) in resting
    return "paused" if rests and process.state == "ready" else process.state


def _name(process: ProcessStatus) -> str:
    role = process.kind if process.tier is None else f"tier {process.tier}s"
    return role if process.index == 1 else f"{role}/{process.index}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
