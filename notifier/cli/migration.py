"""`notifier topology migrate`: what is said while it goes on."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

import typer

from notifier.errors import InvalidInput, NotifierError

if TYPE_CHECKING:
    from notifier.settings import Settings
    from notifier.wiring.migration import Plan

SAY_EVERY_S = 2.0


def run_migration(settings: Settings, to: str | None, *, dry_run: bool) -> None:
    from notifier.wiring import delay, migration

    known = [*delay.MECHANISMS, delay.AUTO]
    if to is not None and to not in known:
        raise InvalidInput("to", f"{to!r} is none of {', '.join(known)}")
    plan = asyncio.run(migration.plan(settings, to))
    typer.echo(
        f"delay: {plan.before.mechanism} → {plan.to}, at {plan.address}; "
        f"{plan.waiting} notifications wait in the broker, {plan.scheduled} in the calendar"
    )
    if dry_run:
        _say_what_would_be_done(plan)
        return
    migrated = asyncio.run(migration.migrate(settings, to, progress=_Progress(plan)))
    typer.echo(f"delay: {migrated.choice.mechanism} ({migrated.choice.why})")
    typer.echo(f"{migrated.given_back} notifications were given back to the calendar")
    _reload_fleets(settings)
    typer.echo("what was held before is stale; `notifier topology prune` deletes what is left")


def _say_what_would_be_done(plan: Plan) -> None:
    typer.echo(f"would declare the topology for {plan.to!r} there, unless the broker refuses it")
    typer.echo(f"would record {plan.to!r} (for auto: what it finds) for all processes")
    typer.echo(f"would give the {plan.waiting} back to the calendar, under a new number each")
    typer.echo("would reload the fleets of this host; nothing was changed")


class _Progress:
    def __init__(self, plan: Plan) -> None:
        self._total = plan.waiting + plan.scheduled
        self._said_s = monotonic()

    def __call__(self, done: int) -> None:
        if monotonic() - self._said_s > SAY_EVERY_S:
            self._said_s = monotonic()
            typer.echo(f"{done} of about {self._total} …", err=True)


def _reload_fleets(settings: Settings) -> None:
    """Those of other hosts are named: only their own host can reload them."""
    from notifier.fleet.asking import ask_reload, fleets_here

    here = fleets_here(settings.fleet.run_dir)
    for fleet in here:
        try:
            replaced = ask_reload(settings.fleet.run_dir, fleet.name)
        except NotifierError as error:
            typer.echo(f"problem  fleet {fleet.name} goes on as before: {error}", err=True)
            raise typer.Exit(1) from None
        typer.echo(f"fleet {fleet.name}: {replaced} processes replaced")
    if not here:
        typer.echo("no fleet runs on this host; `notifier reload` on each where one does")
