"""Dead letters: look, tell again, give up for good."""

from __future__ import annotations

import asyncio
import getpass
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from notifier.cli.app import app
from notifier.cli.intervention_lines import ids_of, report
from notifier.errors import BrokerUnavailable, InvalidInput

if TYPE_CHECKING:
    from notifier.broker.dead_queue import Buried
    from notifier.dispatch.intervene import Replayed
    from notifier.domain.intervention import Intervened
    from notifier.domain.timeline import Standing
    from notifier.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", show_default=False)]
Reason = Annotated[
    str | None,
    typer.Option(help="Those of this reason, or of this kind: exhausted finds exhausted:-1."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

dlq = typer.Typer(no_args_is_help=True, help="Dead letters: what was given up, and its replay.")
app.add_typer(dlq, name="dlq")


@dlq.command("list", epilog="Example:  notifier dlq list --reason exhausted --limit 20")
def list_dead(
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    queue: Annotated[
        bool, typer.Option("--queue", help="What lies in the dead queue: without a row.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is dead, or perhaps told and for a person to decide (unknown)."""
    from notifier.cli import listing_table
    from notifier.domain.listing import Wanted
    from notifier.domain.notification import State
    from notifier.settings import read_settings
    from notifier.wiring import operator

    settings = read_settings()
    if queue:
        _show_queue(settings, limit, as_json=as_json)
        return
    wanted = Wanted(states=(State.DEAD, State.UNKNOWN), reason=reason)

    async def run() -> tuple[list[Standing], int, int | None]:
        async with operator.open_listing(settings) as listing:
            found = await listing.find(wanted, most=limit)
            return found, await listing.count(wanted), await _count_buried(settings)

    found, count, buried = asyncio.run(run())
    if as_json:
        typer.echo(listing_table.document_of(found, settings.wechat.time_zone))
        return
    listing_table.print_listing(found, count, settings.wechat.time_zone)
    if buried is None:
        typer.echo("the dead queue is not counted: RabbitMQ does not answer", err=True)
    elif buried:
        typer.echo(f"{buried} messages without a row: notifier dlq list --queue")


@dlq.command("show", epilog="Example:  notifier dlq show 0193f2d0-7c1e-7e0a-9d2c-0c5a1e6f4b11")
def show_dead(key: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Show one with all its attempts: the same as `notifier explain`."""
    from notifier.cli.inspect import explain

    explain(key, as_json=as_json)


@dlq.command(
    "replay",
    epilog="Examples:  notifier dlq replay 0193f2d0-7c1e-7e0a-9d2c-0c5a1e6f4b11    "
    "notifier dlq replay --reason exhausted --yes",
)
def replay(
    ids: Ids = None,
    reason: Reason = None,
    every: Annotated[bool, typer.Option("--all", help="All dead ones.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also where somebody may be told twice, or after a deadline."),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Tell again, now and from the ladder's first step; attempts go on being numbered.

    With --force also unknown ones: somebody may then be told twice. Exit code 1 if one was refused.
    """
    from notifier.settings import read_settings
    from notifier.wiring import operator

    settings = read_settings()
    chosen = _choose(ids, reason, every=every, unknown=force)

    async def run() -> Replayed:
        async with operator.open_replay(settings) as desk:
            return await desk.replay(chosen, force=force)

    if ids is None or not ids:
        _confirm(f"replay {len(chosen)} notifications", yes=yes or not chosen)
    replayed = asyncio.run(run())
    report(replayed.results, as_json=as_json)
    if replayed.held_up:
        typer.echo(f"they are sent when the broker is back: {replayed.held_up}", err=True)


@dlq.command("drop", epilog="Example:  notifier dlq drop --reason no_publisher_address --yes")
def drop(
    ids: Ids = None,
    reason: Reason = None,
    every: Annotated[bool, typer.Option("--all", help="All dead ones.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give up for good: they become cancelled, and stay on record with all their attempts."""
    from notifier.dispatch import intervene as dispatch
    from notifier.settings import read_settings
    from notifier.wiring import operator

    settings = read_settings()
    chosen = _choose(ids, reason, every=every, unknown=False)
    _confirm(f"drop {len(chosen)} notifications", yes=yes or not chosen)

    async def run() -> list[Intervened]:
        async with operator.open_interventions(settings) as interventions:
            return await dispatch.drop(chosen, store=interventions, who=getpass.getuser())

    report(asyncio.run(run()), as_json=as_json)


def _choose(ids: list[str] | None, reason: str | None, *, every: bool, unknown: bool) -> list[UUID]:
    """The ids that were named, or all of a reason, or all."""
    from notifier.domain.listing import Wanted
    from notifier.domain.notification import State
    from notifier.settings import read_settings
    from notifier.wiring import operator

    if sum((bool(ids), reason is not None, every)) != 1:
        raise InvalidInput("ids", "give ids, or --reason, or --all")
    if ids:
        return ids_of(ids)
    states = (State.DEAD, State.UNKNOWN) if unknown else (State.DEAD,)
    wanted = Wanted(states=states, reason=reason)

    async def run() -> list[UUID]:
        async with operator.open_listing(read_settings()) as listing:
            return await listing.ids(wanted)

    return asyncio.run(run())


def _confirm(what: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"{what}?", abort=True, err=True)


async def _count_buried(settings: Settings) -> int | None:
    from notifier.wiring import operator

    try:
        async with operator.open_dead_queue(settings) as queue:
            return await queue.count()
    except BrokerUnavailable:
        return None


def _show_queue(settings: Settings, limit: int, *, as_json: bool) -> None:
    from notifier.cli import intervention_lines
    from notifier.wiring import operator

    async def run() -> list[Buried]:
        async with operator.open_dead_queue(settings) as queue:
            return await queue.peek(limit)

    buried = asyncio.run(run())
    if as_json:
        typer.echo(intervention_lines.document_of_buried(buried))
    else:
        intervention_lines.print_buried(buried)
