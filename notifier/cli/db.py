"""Commands for notifier's own tables."""

from __future__ import annotations

import typer

from notifier.cli.app import app

group = typer.Typer(no_args_is_help=True, help="notifier's own tables in MySQL.")
app.add_typer(group, name="db")


@group.callback()
def root() -> None:
    """Keeps `upgrade` a command of its own, however few there are."""


@group.command(epilog="Example:  notifier db upgrade")
def upgrade() -> None:
    """Bring notifier's tables to this program's version; safe to run twice and at work.

    Only adds. The application's order table is never created or altered.
    """
    from notifier.settings import read_settings
    from notifier.store.upgrade import upgrade
    from notifier.wiring import parts

    versions = upgrade(parts.mysql_options(read_settings()))
    before, after = versions.before or "empty", versions.after
    typer.echo(f"tables at {after}" if before == after else f"tables {before} → {after}")
