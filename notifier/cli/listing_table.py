"""How lists of notifications are printed."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import orjson
from rich.console import Console
from rich.table import Table

from notifier.domain.timeline import Standing, masked

WIDTH = 160
"""A narrower terminal folds lines; ids are whole, to be copied."""


def print_listing(found: Sequence[Standing], count: int, time_zone: str) -> None:
    """count: how many there are altogether."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    if found:
        console.print(_table(found, ZoneInfo(time_zone)))
    if len(found) < count:
        console.print(f"{len(found)} of {count}; --limit shows more")
    else:
        console.print(f"{count} notifications")


def document_of(found: Sequence[Standing], time_zone: str) -> str:
    """JSON: a list of rows; recipients masked."""
    zone = ZoneInfo(time_zone)
    rows = [
        {
            "id": str(standing.id),
            "order_no": standing.order_no,
            "role": standing.role,
            "channel": standing.channel,
            "recipient": masked(standing.recipient),
            "state": standing.state,
            "reason": standing.reason,
            "attempt": standing.attempt,
            "due_at": standing.due_at.astimezone(zone).isoformat(timespec="microseconds"),
        }
        for standing in found
    ]
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode()


def _table(found: Sequence[Standing], zone: ZoneInfo) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("id", "order", "role", "to", "state", "attempt", "due", "reason"):
        table.add_column(name, justify="right" if name == "attempt" else "left", no_wrap=True)
    for standing in found:
        table.add_row(
            str(standing.id),
            standing.order_no,
            standing.role,
            masked(standing.recipient),
            standing.state,
            str(standing.attempt),
            f"{standing.due_at.astimezone(zone):%m-%d %H:%M:%S}",
            standing.reason,
        )
    return table
