"""`notifier intake`: what older programs put into Redis, and what of it broke a rule."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app
from notifier.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from notifier.dispatch.legacy_mending import Retried
    from notifier.store.legacy_rows import KeptAside

intake_app = typer.Typer()
app.add_typer(intake_app, name="intake")

Entry = Annotated[int | None, typer.Argument(help="The entry's id.", min=1)]
All = Annotated[bool, typer.Option("--all", help="Every entry that was kept aside.")]


@intake_app.callback(
    invoke_without_command=True, epilog="Example:  NOTIFIER_INTAKE_REMINDER_SET= notifier intake"
)
def intake(context: typer.Context) -> None:
    """Take what older programs put into Redis: order_designer_list, and the set `queue`.

    It stays in the foreground, as a fleet of its own with one process. With
    \\[intake] enabled, `notifier run-consumers` starts the same process among
    its own. An entry leaves Redis when MySQL has it.
    """
    if context.invoked_subcommand is None:
        _run()


@intake_app.command("list", epilog="Example:  notifier intake list --json | jq '.kept[].reason'")
def list_entries(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Which entries were kept aside for breaking a rule, and why."""
    from notifier.cli.intake_lines import print_json, print_lines
    from notifier.settings import read_settings
    from notifier.wiring.legacy import open_kept_rows

    async def look() -> tuple[int, list[KeptAside]]:
        async with open_kept_rows(read_settings()) as rows:
            return await rows.count(), await rows.newest(limit)

    count, kept = asyncio.run(look())
    if as_json:
        print_json(count, kept)
    else:
        print_lines(count, kept)


@intake_app.command(
    epilog="Examples:  notifier intake retry --all    notifier intake retry 7 --record "
    "'1912136916313##150481##1795262400##oLvqQwo25p5myELvO5VXj0k-7ngk##李伟##13926'"
)
def retry(
    entry: Entry = None,
    every: All = False,
    record: Annotated[
        str | None, typer.Option(help="What it should have said: the record, or the set's member.")
    ] = None,
) -> None:
    """Accept entries that were kept aside, when the reason is gone.

    Exit code 1 if one of them breaks a rule still; it stays where it is.
    """
    from notifier.settings import read_settings
    from notifier.wiring.legacy import open_mending

    chosen = _chosen(entry, every=every)
    if record is not None and chosen is None:
        raise InvalidInput("record", "goes with one id, not with --all")

    async def retry_them() -> Retried:
        async with open_mending(read_settings()) as mending:
            return await mending.retry(chosen, record=record)

    retried = asyncio.run(retry_them())
    _check_found(retried.accepted + len(retried.refused), chosen)
    typer.echo(f"{retried.accepted} entries accepted")
    for id_, reason in retried.refused.items():
        typer.echo(f"{id_}: {reason}", err=True)
    if retried.refused:
        raise typer.Exit(1)


@intake_app.command(epilog="Example:  notifier intake drop 7")
def drop(entry: Entry = None, every: All = False) -> None:
    """Give up entries that were kept aside; nobody will be told of them."""
    from notifier.settings import read_settings
    from notifier.wiring.legacy import open_kept_rows

    chosen = _chosen(entry, every=every)

    async def drop_them() -> int:
        async with open_kept_rows(read_settings()) as rows:
            return await rows.drop(chosen)

    count = asyncio.run(drop_them())
    _check_found(count, chosen)
    typer.echo(f"{count} entries dropped")


def _run() -> None:
    from dataclasses import replace

    from notifier.cli.fleet import configure_logs, run, settings_of
    from notifier.fleet.options import options_of
    from notifier.fleet.place import Kind, Place

    settings = settings_of(name=f"{settings_of().fleet.name[:33]}-intake")
    options = replace(options_of(settings.fleet, "1"), places=(Place(kind=Kind.INTAKE),))
    configure_logs(settings)
    run(settings, options)


def _chosen(entry: int | None, *, every: bool) -> int | None:
    """None: all of them."""
    if (entry is None) != every:
        raise InvalidInput(
            "entry", "give an entry's id, or --all; `notifier intake list` shows them"
        )
    return entry


def _check_found(count: int, chosen: int | None) -> None:
    if chosen is not None and not count:
        raise NotFound(f"no entry {chosen} was kept aside; `notifier intake list` shows them")
