"""`notifier pause` and `notifier resume`: a channel, an endpoint or a tier."""

from __future__ import annotations

import asyncio
import getpass
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app
from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.domain.pause import Pause
    from notifier.settings import Settings

Channel = Annotated[str | None, typer.Option(help="wechat, webhook or push.", metavar="NAME")]
Endpoint = Annotated[
    str | None, typer.Option(help="One of `notifier endpoint list`.", metavar="NAME")
]
Tier = Annotated[int | None, typer.Option(help="One of \\[fleet] tiers.", metavar="SECONDS")]
Who = Annotated[str, typer.Option(help="Default: your name on this system.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command(
    epilog='Examples:  notifier pause --channel wechat --reason "templates change" --for 10m    '
    'notifier pause --tier 5 --reason "its database is slow"'
)
def pause(
    reason: Annotated[str, typer.Option(help="For whoever asks: kept, and shown everywhere.")],
    channel: Channel = None,
    endpoint: Endpoint = None,
    tier: Tier = None,
    until: Annotated[
        str | None,
        typer.Option(help="2026-11-21T12:00:00+08:00, or unix seconds.", metavar="MOMENT"),
    ] = None,
    lasting: Annotated[
        str | None, typer.Option("--for", help="How long from now: 90s, 10m, 2h.")
    ] = None,
    who: Who = "",
    as_json: AsJson = False,
) -> None:
    """Let a channel, an endpoint or a tier rest, until then or until it is resumed.

    Every fleet knows within a second or two. What is under way is finished; nothing is lost, and no
    attempt is used up. For a channel or an endpoint, what comes due waits in the calendar. For a
    tier, its processes stop taking from its queue, in which the messages wait; new orders, and
    moments that are no tier's, come through the first tier and rest with it. An earlier rest
    that ends later stays. `notifier status` shows what rests.
    """
    from notifier.domain.pause import in_words, option_of, scope_of
    from notifier.settings import read_settings

    settings = read_settings()
    scope = scope_of(channel=channel, endpoint=endpoint, tier=tier, tiers=settings.fleet.tiers)
    end, length = _end(settings, until, lasting)
    standing = order(settings, scope, until=end, lasting=length, reason=reason, who=who)
    if as_json:
        _print_json(asdict(standing))
        return
    typer.echo(in_words(standing))
    typer.echo(f"`notifier resume {option_of(scope)}` lifts it")


@app.command(epilog="Examples:  notifier resume --channel wechat    notifier resume --tier 5")
def resume(
    channel: Channel = None,
    endpoint: Endpoint = None,
    tier: Tier = None,
    reason: Annotated[str, typer.Option(help="Kept in notifier_pause_ended.")] = "by hand",
    who: Who = "",
    as_json: AsJson = False,
) -> None:
    """Lift a rest, whether a person ordered it or a quota, a configuration or failures did.

    What was put off is told now; a tier takes from its queue again.
    """
    from notifier.domain.pause import scope_of, title_of
    from notifier.settings import read_settings

    settings = read_settings()
    tiers = (*settings.fleet.tiers, *([] if tier is None else [tier]))  # one that is gone, too
    scope = scope_of(channel=channel, endpoint=endpoint, tier=tier, tiers=tiers)
    count = lift(settings, scope, reason=reason, who=who)
    if as_json:
        _print_json({"scope": scope, "put_off": count})
    elif tier is not None:
        typer.echo(f"{title_of(scope)} is taken from again")
    else:
        typer.echo(f"{title_of(scope)} works again; notifications that had been put off: {count}")


def order(
    settings: Settings,
    scope: str,
    *,
    until: datetime | None = None,
    lasting: timedelta | None = None,
    reason: str,
    who: str = "",
) -> Pause:
    from notifier.wiring.pausing import open_pausing

    async def run() -> Pause:
        async with open_pausing(settings) as pausing:
            return await pausing.pause(
                scope, until=until, lasting=lasting, reason=reason, who=who or getpass.getuser()
            )

    return asyncio.run(run())


def lift(settings: Settings, scope: str, *, reason: str = "by hand", who: str = "") -> int:
    from notifier.wiring.pausing import open_pausing

    async def run() -> int:
        async with open_pausing(settings) as pausing:
            return await pausing.resume(scope, reason=reason, who=who or getpass.getuser())

    return asyncio.run(run())


def _end(
    settings: Settings, until: str | None, lasting: str | None
) -> tuple[datetime | None, timedelta | None]:
    from zoneinfo import ZoneInfo

    from notifier.domain.moment import parse_duration, parse_moment

    if until is not None and lasting is not None:
        raise InvalidInput("until", "give --until or --for, not both")
    if lasting is not None:
        return None, parse_duration("for", lasting)
    if until is None:
        return None, None
    return parse_moment("until", until, ZoneInfo(settings.wechat.time_zone)), None


def _print_json(document: object) -> None:
    import orjson

    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
