"""`notifier publish`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app
from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.dispatch.intake import Receipt
    from notifier.dispatch.publishing import Judged, Timing
    from notifier.domain.submission import Submission
    from notifier.settings import Settings

BATCH = 500
PROGRESS_FROM = 1000

EXAMPLE = (
    "Examples:  notifier publish --order '1912136916313##150481##1795262400##oLvq##李伟##13926'"
    "    notifier publish --file orders.txt --delay 5m    notifier publish --file - < orders.txt"
)


@app.command(epilog=EXAMPLE)
def publish(
    order: Annotated[
        str | None,
        typer.Option(
            help="A record order_no##order_id##expiry##openid##designer_name##designer_id, "
            "or the number of an order of the order table."
        ),
    ] = None,
    file: Annotated[
        str | None, typer.Option(help="Many records, one a line; - reads standard input.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="When: 2026-11-21T12:00:00+08:00, or unix seconds.")
    ] = None,
    delay: Annotated[str | None, typer.Option(help="How long from now: 90s, 5m, 1h.")] = None,
    ladder: Annotated[
        str, typer.Option(help="Which retries, if it is refused; see `notifier ladder list`.")
    ] = "default",
    deadline: Annotated[
        str | None, typer.Option(help="Tell nobody after this: a moment as for --at.")
    ] = None,
    openid: Annotated[str | None, typer.Option(help="The designer's, for a bare number.")] = None,
    designer_id: Annotated[int | None, typer.Option(min=0)] = None,
    designer_name: Annotated[str | None, typer.Option()] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Tell again though the same record was accepted.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Send the good lines although there are bad ones.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Accept orders: from then on they are told, or it is on record why not.

    An order is due when its claim window (the record's expiry) ends, or at --at, or after --delay;
    a moment that has passed means after the ladder's first delay. The same record twice makes one
    notification. Exit code 0: accepted, also while RabbitMQ is down; 2: bad input, nothing sent.
    """
    from notifier.dispatch.publishing import designer_of
    from notifier.settings import read_settings

    if (order is None) == (file is None):
        raise InvalidInput("order", "give either --order or --file")
    settings = read_settings()
    designer = designer_of(openid, designer_name, designer_id)
    timing = _timing(settings, at, delay, deadline=deadline, ladder=ladder)
    lines = [order] if order is not None else list(_lines(str(file)))

    from notifier.wiring import entry

    async def run() -> tuple[Judged, list[Receipt]]:
        async with entry.open_reader(
            settings, designer=designer, timing=timing, again=again
        ) as reader:
            judged = await reader.judge(lines)
        if not judged.good and not judged.bad:
            raise InvalidInput("order" if file is None else "file", "has no record")
        if (judged.bad and not skip_bad) or not judged.good:
            return judged, []
        async with entry.open_intake(settings) as intake:
            receipts = [
                await intake.accept(batch)
                for batch in _batches(judged.good, quiet=as_json or order is not None)
            ]
        return judged, receipts

    judged, receipts = asyncio.run(run())
    _report(judged, receipts, as_json=as_json, single=order is not None)
    if judged.bad and not receipts:
        raise typer.Exit(2)


def _timing(
    settings: Settings, at: str | None, delay: str | None, *, deadline: str | None, ladder: str
) -> Timing:
    from zoneinfo import ZoneInfo

    from notifier.dispatch.publishing import Timing
    from notifier.domain.ladder import find_ladder
    from notifier.domain.moment import parse_duration, parse_moment
    from notifier.wiring.parts import ladders_of

    if at is not None and delay is not None:
        raise InvalidInput("at", "give either --at or --delay")
    zone = ZoneInfo(settings.wechat.time_zone)
    timing = Timing(
        at=parse_moment("at", at, zone) if at is not None else None,
        delay=parse_duration("delay", delay) if delay is not None else None,
        deadline=parse_moment("deadline", deadline, zone) if deadline is not None else None,
        ladder=find_ladder(ladders_of(settings), ladder).name,
    )
    first = timing.at or datetime.now(UTC) + (timing.delay or timedelta(0))
    if timing.deadline is not None and timing.deadline <= first:
        raise InvalidInput("deadline", f"{deadline} is not after the first attempt's moment")
    return timing


def _lines(file: str) -> Iterator[str]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput("file", f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidInput("file", f"{file} is not UTF-8: byte {error.start}") from None
    # Not splitlines: it also splits at control characters, which belong to the line they spoil.
    for line in text.removeprefix("\ufeff").split("\n"):
        yield line.removesuffix("\r")


def _batches(submissions: Sequence[Submission], *, quiet: bool) -> Iterator[Sequence[Submission]]:
    from rich.console import Console
    from rich.progress import track

    starts = range(0, len(submissions), BATCH)
    console = Console(stderr=True)
    shown = len(submissions) >= PROGRESS_FROM and console.is_terminal and not quiet
    for start in track(starts, "accepting", console=console, disable=not shown):
        yield submissions[start : start + BATCH]


def _report(judged: Judged, receipts: Sequence[Receipt], *, as_json: bool, single: bool) -> None:
    accepted = [item for receipt in receipts for item in receipt.accepted]
    held_up = next((receipt.held_up for receipt in receipts if receipt.held_up), "")
    if as_json:
        _print_json(judged, receipts, held_up)
        return
    for bad in judged.bad:
        typer.echo(
            f"error: {bad.reason}" if single else f"line {bad.number}: {bad.reason}", err=True
        )
    if judged.bad and not accepted and not single:
        typer.echo(
            f"{len(judged.bad)} bad lines, nothing sent (--skip-bad sends the rest)", err=True
        )
    if single:
        for item in accepted:
            known = "accepted" if item.new else f"known already, {item.state}"
            typer.echo(f"{item.id}  {known}, due {item.due_at.isoformat(timespec='milliseconds')}")
    elif accepted:
        new = sum(item.new for item in accepted)
        typer.echo(f"{new} accepted, {len(accepted) - new} known already, {len(judged.bad)} bad")
    if held_up:
        typer.echo(f"accepted, will be sent when the broker is back ({held_up})", err=True)


def _print_json(judged: Judged, receipts: Sequence[Receipt], held_up: str) -> None:
    import orjson

    document = {
        "accepted": [
            {
                "id": str(item.id),
                "order_no": submission.order_no,
                "state": item.state,
                "due_at": item.due_at,
                "new": item.new,
            }
            for submission, item in zip(
                judged.good,
                (item for receipt in receipts for item in receipt.accepted),
                strict=False,
            )
        ],
        "bad": [{"line": bad.number, "reason": bad.reason} for bad in judged.bad],
        "held_up": held_up,
    }
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


@app.command(epilog="Example:  notifier wait 1912136916313 --timeout 60 && echo told")
def wait(
    which: Annotated[str, typer.Argument(help="An order's number or a notification's id.")],
    timeout: Annotated[float, typer.Option(min=0, help="Seconds.")] = 60,
) -> None:
    """Wait until everything about an order, or a notification and what it caused, has ended.

    Exit code 0 if all were told, 1 if one was not, or it takes longer.
    """
    from notifier.settings import read_settings
    from notifier.wiring import entry

    states = asyncio.run(entry.wait_until_settled(read_settings(), which, timeout))
    typer.echo(", ".join(f"{role}: {state}" for role, state in states) or "there is no such thing")
    if not states or any(state != "sent" for _, state in states):
        raise typer.Exit(1)
