"""How the board is printed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import orjson
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from notifier.dispatch.board import Seen
from notifier.domain.board import Board, Upcoming
from notifier.domain.notification import State

WIDTH = 120
"""Where no terminal has one."""
COLUMNS = ("due", "in", "who", "channel", "what", "order", "state", "try", "tier")
TO_THE_RIGHT = frozenset({"in", "try", "tier"})
CUT = frozenset({"who", "what"})
"""Where a narrow terminal leaves something out; `--json` has everything."""
LONGEST_ORDER = 20
NEAR = timedelta(seconds=10)
LATE = timedelta(seconds=-1)
NOTHING = "nothing is due: nobody is waiting to be told"


def print_board(board: Board, time_zone: str) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(_body(board, ZoneInfo(time_zone), width=console.width))


def screen_of(seen: Seen, time_zone: str, *, width: int) -> RenderableType:
    """Of a terminal that is redrawn."""
    zone = ZoneInfo(time_zone)
    head = Text(f"{seen.board.now.astimezone(zone):%Y-%m-%d %H:%M:%S}  ", style="bold")
    head.append("Ctrl-C ends", style="dim")
    parts: list[RenderableType] = [head, _body(seen.board, zone, width=width)]
    if seen.trouble:
        parts.append(Text(seen.trouble, style="yellow", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def document_of(board: Board, time_zone: str) -> str:
    """JSON: `now`, `count`, `more`, and `due`, a list in the order of the moments."""
    return orjson.dumps(_document(board, ZoneInfo(time_zone)), option=orjson.OPT_INDENT_2).decode()


def line_of(board: Board, time_zone: str) -> str:
    """The same on one line."""
    return orjson.dumps(_document(board, ZoneInfo(time_zone))).decode()


def _document(board: Board, zone: ZoneInfo) -> dict[str, object]:
    due = [
        {
            "id": one.id,
            "due_at": one.due_at.astimezone(zone).isoformat(timespec="microseconds"),
            "in_s": round((one.due_at - board.now).total_seconds(), 3),
            "recipient": one.recipient,
            "channel": one.channel,
            "role": one.role,
            "template": one.template,
            "order_no": one.order_no,
            "state": one.state,
            "ladder": one.ladder,
            "step": one.step + 1,
            "attempt": one.attempt,
            "tier_s": one.tier,
        }
        for one in board.upcoming
    ]
    now = board.now.astimezone(zone).isoformat(timespec="microseconds")
    return {"now": now, "count": board.count, "more": board.more, "due": due}


def _body(board: Board, zone: ZoneInfo, *, width: int) -> RenderableType:
    if not board.upcoming:
        return Text(NOTHING)
    gap = 2 if width >= WIDTH else 1
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    for name in COLUMNS:
        justify: Literal["left", "right"] = "right" if name in TO_THE_RIGHT else "left"
        longest = LONGEST_ORDER if name == "order" else None
        table.add_column(name, justify=justify, no_wrap=name not in CUT, max_width=longest)
    for one in board.upcoming:
        table.add_row(*_row(one, board.now, zone))
    return Group(table, Text(_footer(board), style="dim"))


def _row(one: Upcoming, now: datetime, zone: ZoneInfo) -> tuple[str | Text, ...]:
    left = one.due_at - now
    return (
        _moment(one.due_at.astimezone(zone), now.astimezone(zone)),
        Text(_duration(left), style=_style(left, one.state)),
        _cut(one.recipient),
        one.channel,
        _cut(one.template or one.role),
        _cut(one.order_no or "–"),
        one.state,
        str(one.attempt),
        f"{one.tier}s",
    )


def _cut(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _footer(board: Board) -> str:
    if board.more:
        return f"the first {len(board.upcoming)} of more than {board.count:,}"
    if len(board.upcoming) < board.count:
        return f"the first {len(board.upcoming)} of {board.count:,}; --limit shows more"
    return f"{board.count:,} to be told"


def _style(left: timedelta, state: State) -> str:
    if state is State.IN_FLIGHT:
        return "green"
    if left < LATE:
        return "red"
    return "yellow" if left < NEAR else ""


def _moment(due_at: datetime, now: datetime) -> str:
    """With the day, and without the seconds, where it is another one."""
    if due_at.date() == now.date():
        return f"{due_at:%H:%M:%S}"
    return f"{due_at:%m-%d %H:%M}" if due_at.year == now.year else f"{due_at:%Y-%m-%d}"


def _duration(left: timedelta) -> str:
    if left < LATE:
        return f"−{_length(-left)}"
    return "now" if left <= timedelta(0) else _length(left)


def _length(length: timedelta) -> str:
    seconds = length.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
