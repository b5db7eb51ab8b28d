"""`notifier ladder`: which retries there are, and when they would be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app

if TYPE_CHECKING:
    from notifier.domain.ladder import Ladder

ladder_app = typer.Typer(no_args_is_help=True, help="The ladders: when somebody is told again.")
app.add_typer(ladder_app, name="ladder")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@ladder_app.command("list", epilog="Example:  notifier ladder list")
def list_ladders(as_json: AsJson = False) -> None:
    """Every ladder with its delays: built in, or from \\[ladder] and [ladder.named.NAME]."""
    from notifier.settings import read_settings
    from notifier.wiring.parts import ladders_of

    ladders = list(ladders_of(read_settings()).values())
    if as_json:
        _print_json([_document(ladder) for ladder in ladders])
        return
    width = max(len(ladder.name) for ladder in ladders)
    for ladder in ladders:
        delays = ", ".join(short(delay) for delay in ladder.delays)
        typer.echo(f"{ladder.name:{width}}  {delays}{_limits(ladder)}")


@ladder_app.command(epilog="Example:  notifier ladder show wechatpay --from 2026-11-21T12:00+08:00")
def show(
    name: str,
    start: Annotated[
        str | None, typer.Option("--from", help="When it is accepted; now without it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The moments of all attempts, if each is refused at once; the time an answer takes adds."""
    from zoneinfo import ZoneInfo

    from notifier.domain.ladder import find_ladder, moments
    from notifier.domain.moment import parse_moment
    from notifier.settings import read_settings
    from notifier.wiring.parts import ladders_of

    settings = read_settings()
    zone = ZoneInfo(settings.wechat.time_zone)
    ladder = find_ladder(ladders_of(settings), name)
    began = datetime.now(UTC) if start is None else parse_moment("from", start, zone)
    rungs = _rungs(ladder, moments(ladder, began), settings.fleet.tiers)
    if as_json:
        _print_json(_document(ladder) | {"attempts": [_rung_document(rung) for rung in rungs]})
        return
    typer.echo(f"{ladder.name}{_limits(ladder)}")
    for rung in rungs:
        at = rung.at.astimezone(zone).isoformat(sep=" ", timespec="seconds")
        after = f"+{short(rung.at - began)}"
        typer.echo(f"{rung.attempt:>3}  {at}  {after:>12}  {rung.waits_in}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """waits_in: what holds it until then, for people."""

    attempt: int
    at: datetime
    delay: timedelta
    waits_in: str


def _rungs(ladder: Ladder, at: list[datetime], tiers: tuple[int, ...]) -> list[Rung]:
    return [
        Rung(attempt=number, at=moment, delay=delay, waits_in=_place(delay, tiers))
        for number, (moment, delay) in enumerate(zip(at, ladder.delays, strict=False), 1)
    ]


def _place(delay: timedelta, tiers: tuple[int, ...]) -> str:
    seconds = delay.total_seconds()
    if not seconds:
        return "at once"
    return f"tier {seconds:g} s" if seconds in tiers else "calendar"


def short(span: timedelta) -> str:
    """`90 s`, `4 min`, `25 h 22 min`: without what is zero."""
    seconds = span.total_seconds()
    if seconds < 120:
        return f"{seconds:g} s"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{value:g} {unit}" for value, unit in parts if value)


def _limits(ladder: Ladder) -> str:
    jitter = f"; up to {ladder.jitter:.0%} later" if ladder.jitter else ""
    end = f"; not after {short(ladder.give_up_after)}" if ladder.give_up_after else ""
    return jitter + end


def _document(ladder: Ladder) -> dict[str, object]:
    end = ladder.give_up_after
    return {
        "name": ladder.name,
        "delays_s": [delay.total_seconds() for delay in ladder.delays],
        "jitter": ladder.jitter,
        "give_up_after_s": None if end is None else end.total_seconds(),
    }


def _rung_document(rung: Rung) -> dict[str, object]:
    return {
        "attempt": rung.attempt,
        "at": rung.at,
        "delay_s": rung.delay.total_seconds(),
        "waits_in": rung.waits_in,
    }


def _print_json(document: object) -> None:
    import orjson

    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
