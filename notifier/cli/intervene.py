"""Commands that end or move what is under way, or in doubt."""

from __future__ import annotations

import asyncio
import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app
from notifier.cli.intervention_lines import ids_of, report
from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.dispatch.intervene import Replayed
    from notifier.domain.intervention import Intervened, Moment
    from notifier.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command(epilog="Example:  notifier resolve 0193f2d0-7c1e-7e0a-9d2c-0c5a1e6f4b11 --sent")
def resolve(
    key: Annotated[str, typer.Argument(metavar="ID")],
    sent: Annotated[
        bool | None, typer.Option("--sent/--dead", help="Was somebody told?", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say of an unknown one whether somebody was told; it goes on record with your name."""
    from notifier.settings import read_settings
    from notifier.wiring import operator

    if sent is None:
        raise InvalidInput("resolve", "say --sent or --dead")
    (id_,) = ids_of([key])

    async def run() -> Intervened:
        async with operator.open_interventions(read_settings()) as interventions:
            return await interventions.resolve(id_, sent=sent, who=getpass.getuser())

    report([asyncio.run(run())], as_json=as_json)


@app.command(epilog="Example:  notifier cancel 1912136916313")
def cancel(
    key: Annotated[
        str, typer.Argument(metavar="ORDER_NO|ID", help="An order's number or a notification's id.")
    ],
    as_json: AsJson = False,
) -> None:
    """Tell nobody any more: of an order, or of one notification.

    An attempt under way is not stopped; it is not repeated if it fails.
    """
    from notifier.settings import read_settings
    from notifier.wiring import operator

    cancelled = asyncio.run(operator.cancel(read_settings(), key, who=getpass.getuser()))
    report(cancelled, as_json=as_json, strict=False)


@app.command(
    epilog="Examples:  notifier reschedule 1912136916313 --delay 10m    "
    "notifier reschedule 0193f2d0-7c1e-7e0a-9d2c-0c5a1e6f4b11 --at '2026-11-21 18:00' "
    "--reason 'the kitchen is late'"
)
def reschedule(
    key: Annotated[
        str, typer.Argument(metavar="ORDER_NO|ID", help="An order's number or a notification's id.")
    ],
    at: Annotated[
        str | None,
        typer.Option(help="2026-11-21T12:00:00+08:00, or unix seconds.", metavar="MOMENT"),
    ] = None,
    delay: Annotated[str | None, typer.Option(help="How long from now: 90s, 5m, 1h.")] = None,
    reason: Annotated[str, typer.Option(help="For whoever asks: kept, and shown.")] = "",
    as_json: AsJson = False,
) -> None:
    """Tell at another moment what waits: all of an order, or one notification.

    A moment in the past is now. The attempt keeps its place in the ladder, and the next ones follow
    from it. What is under way or has ended is refused; exit code 1 where all was. Your name, the
    moments and the reason are kept, and `notifier explain` shows them.
    """
    from notifier.settings import read_settings
    from notifier.wiring import operator

    settings = read_settings()
    moment = _moment(settings, at, delay)

    async def run() -> Replayed:
        async with operator.open_reschedule(settings) as desk:
            return await desk.reschedule(key, moment, who=getpass.getuser(), why=reason)

    rescheduled = asyncio.run(run())
    if rescheduled.held_up:
        typer.echo(f"told when the broker is back: {rescheduled.held_up}", err=True)
    report(rescheduled.results, as_json=as_json, strict=False)


def _moment(settings: Settings, at: str | None, delay: str | None) -> Moment:
    from zoneinfo import ZoneInfo

    from notifier.domain.moment import parse_duration, parse_moment

    if (at is None) == (delay is None):
        raise InvalidInput("reschedule", "say either --at MOMENT or --delay DURATION")
    if delay is not None:
        return parse_duration("delay", delay)
    return parse_moment("at", at or "", ZoneInfo(settings.wechat.time_zone))
