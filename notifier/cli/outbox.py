"""`notifier outbox`: what applications put there and what broke a rule."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app
from notifier.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from notifier.store.outbox_rows import Backlog, Rejected

outbox_app = typer.Typer(
    no_args_is_help=True, help="The outbox: what applications put into notifier_outbox."
)
app.add_typer(outbox_app, name="outbox")

Row = Annotated[int | None, typer.Argument(help="The row's id.", min=1)]
All = Annotated[bool, typer.Option("--all", help="Every row that was kept aside.")]


@outbox_app.command(
    "list", epilog="Example:  notifier outbox list --json | jq '.rejected[].reason'"
)
def list_rows(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many rows.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """How many rows wait for a fleet, and which were kept aside for breaking a rule, and why."""
    from notifier.settings import read_settings
    from notifier.wiring.outbox import open_outbox_rows

    async def look() -> tuple[Backlog, list[Rejected]]:
        async with open_outbox_rows(read_settings()) as rows:
            return await rows.backlog(), await rows.rejected(most=limit)

    backlog, rejected = asyncio.run(look())
    if as_json:
        _print_json(backlog, rejected)
    else:
        _print(backlog, rejected)


@outbox_app.command(epilog="Example:  notifier outbox retry --all")
def retry(row: Row = None, every: All = False) -> None:
    """Let the fleet look again at rows that were kept aside, when the reason is gone."""
    from notifier.settings import read_settings
    from notifier.wiring.outbox import open_outbox_rows

    chosen = _chosen(row, every=every)

    async def put_back() -> int:
        async with open_outbox_rows(read_settings()) as rows:
            return await rows.put_back(chosen)

    _told(asyncio.run(put_back()), chosen, "back in the outbox")


@outbox_app.command(epilog="Example:  notifier outbox drop 4711")
def drop(row: Row = None, every: All = False) -> None:
    """Give up rows that were kept aside; nobody will be told of them."""
    from notifier.settings import read_settings
    from notifier.wiring.outbox import open_outbox_rows

    chosen = _chosen(row, every=every)

    async def drop_them() -> int:
        async with open_outbox_rows(read_settings()) as rows:
            return await rows.drop(chosen)

    _told(asyncio.run(drop_them()), chosen, "dropped")


def _chosen(row: int | None, *, every: bool) -> int | None:
    """None: all of them."""
    if (row is None) != every:
        raise InvalidInput("row", "give a row's id, or --all; `notifier outbox list` shows them")
    return row


def _told(count: int, chosen: int | None, what: str) -> None:
    if chosen is not None and not count:
        raise NotFound(f"no row {chosen} was kept aside; `notifier outbox list` shows them")
    typer.echo(f"{count} rows {what}")


def _print(backlog: Backlog, rejected: list[Rejected]) -> None:
    from notifier.domain.timeline import masked

    since = f", the first for {backlog.oldest_s:.1f} s" if backlog.waiting else ""
    typer.echo(f"{backlog.waiting} rows wait{since}; {backlog.rejected} were kept aside")
    for row in rejected:
        at = row.rejected_at.isoformat(sep=" ", timespec="seconds")
        key = f"  key {row.idempotency_key}" if row.idempotency_key else ""
        typer.echo(f"{row.id:>8}  {at}  {row.channel} {masked(row.recipient)}{key}")
        typer.echo(f"          {row.reason}")
    if len(rejected) < backlog.rejected:
        typer.echo(f"{len(rejected)} of {backlog.rejected}; --limit shows more")


def _print_json(backlog: Backlog, rejected: list[Rejected]) -> None:
    from dataclasses import asdict

    import orjson

    from notifier.domain.timeline import masked

    rows = [asdict(row) | {"recipient": masked(row.recipient)} for row in rejected]
    document = {
        "waiting": backlog.waiting,
        "oldest_s": backlog.oldest_s,
        "kept_aside": backlog.rejected,
        "rejected": rows,
    }
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
