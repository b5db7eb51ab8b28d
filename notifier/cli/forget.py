"""`notifier forget`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app
from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.domain.forgetting import Forgotten


@app.command(epilog="Example:  notifier forget --openid oLvqQwo25p5myELvO5VXj0k-7ngk --yes")
def forget(
    openid: Annotated[str, typer.Option(help="Everything that was told to this openid.")] = "",
    user: Annotated[str, typer.Option(help="To this user id or URL.")] = "",
    order: Annotated[str, typer.Option(help="Everything about the order with this number.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Remove who somebody was: recipient, names, payload, answers, log lines, and what older
    programs put into Redis. It cannot be undone.

    The bare rows stay, so that the audit's counts do; what still waits is cancelled. Order tables
    are the application's and are not touched. Exit code 1 where an attempt is under way: ask again.
    """
    given = [value for value in (openid, user, order) if value]
    if len(given) != 1:
        raise InvalidInput("forget", "give one of --openid, --user and --order")
    if not yes:
        typer.confirm(f"Forget {given[0]} for good?", abort=True, err=True)

    from rich.console import Console

    from notifier.domain.forgetting import Subject
    from notifier.settings import read_settings
    from notifier.wiring import operator

    subject = Subject(recipient=openid or user, order_no=order)
    with Console(stderr=True).status("looking") as status:
        work = operator.forget(
            read_settings(),
            subject,
            looked=lambda so_far: status.update(f"{so_far.rows} notifications found"),
        )
        found = asyncio.run(work)
    _report(found, as_json=as_json)
    if found.in_flight:
        raise typer.Exit(1)


def _report(found: Forgotten, *, as_json: bool) -> None:
    if as_json:
        import orjson

        counts = {
            name: getattr(found, name)
            for name in ("rows", "cancelled", "in_flight", "lines", "entries")
        }
        typer.echo(orjson.dumps(counts, option=orjson.OPT_INDENT_2).decode())
        return
    typer.echo(
        f"forgotten: {found.rows} notifications ({found.cancelled} of them still waited and are "
        f"cancelled), {found.lines} log lines, {found.entries} entries that waited in Redis"
    )
    if found.in_flight:
        typer.echo(f"{found.in_flight} are being told at this moment: ask again", err=True)
