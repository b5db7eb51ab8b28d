"""Commands that look at, and prepare, what the fleet needs."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app

if TYPE_CHECKING:
    from notifier.dispatch.checkup import Look, Looked

LOOK_S = 20.0

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

topology = typer.Typer(
    no_args_is_help=True,
    help="The queues on RabbitMQ, and what holds messages there until they are due.",
)
app.add_typer(topology, name="topology")


@topology.command("apply", epilog="Example:  notifier topology apply && notifier topology check")
def apply_topology() -> None:
    """Declare the tiers' queues, the dead queue, and what holds messages until they are due.

    The first time it also chooses how they are held, and records it in MySQL, so that all
    processes agree: \\[amqp] delay = exchange is an exchange of type x-delayed-message (ours, or
    RabbitMQ's plugin), which holds any delay; queues is a hold queue for each tier, which needs
    no plugin (other moments then wait in MySQL); auto takes the first of them that this broker
    offers. Harmless where everything exists; to change over later: `notifier topology migrate`.
    """
    from notifier.settings import read_settings
    from notifier.wiring import entry, parts

    settings = read_settings()
    _explain_refusals_alone()
    choice = asyncio.run(entry.apply_topology(settings))
    names = parts.topology_of(settings)
    typer.echo(f"delay: {choice.mechanism} ({choice.why})")
    typer.echo(f"queues {', '.join(names.queues)} are there")


@topology.command("show", epilog="Example:  notifier topology show --json | jq .held")
def show_topology(as_json: AsJson = False) -> None:
    """Which mechanism holds messages, since when and why, and how many it holds now.

    What the exchange holds only the management API tells (\\[amqp] management_url).
    """
    from notifier.settings import read_settings
    from notifier.wiring import operator

    shown = asyncio.run(operator.shown_topology(read_settings()))
    if as_json:
        _print_json(asdict(shown))
        return
    typer.echo(f"delay    {shown.mechanism}, since {shown.since:%F %T} UTC ({shown.why})")
    typer.echo(f"broker   RabbitMQ {shown.version} at {shown.address}")
    typer.echo(f"held     {'?' if shown.held is None else shown.held}")
    for queue, ready in shown.ready.items():
        typer.echo(f"queue    {queue}  {'missing' if ready is None else f'{ready} ready'}")


@topology.command(
    "migrate",
    epilog="Examples:  notifier topology migrate --to queues --dry-run    "
    "NOTIFIER_AMQP_URL=amqps://new-broker… notifier topology migrate",
)
def migrate(
    to: Annotated[
        str | None,
        typer.Option(help="exchange, queues or auto; default: what \\[amqp] delay says."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> None:
    """Change over to another mechanism, or to the broker of the settings, while messages wait.

    It declares the topology on the broker that \\[amqp] url names, records the choice, and gives
    every notification that waits back to the calendar under a new number; what the old mechanism
    or broker still holds is stale from then on. Nobody is lost, told twice or told early. Fleets
    of this host are then reloaded; if one reads another \\[amqp] url, stop it before and start it
    with the new one afterwards. Harmless when it is interrupted or repeated.
    """
    from notifier.cli.migration import run_migration
    from notifier.settings import read_settings

    _explain_refusals_alone()
    run_migration(read_settings(), to, dry_run=dry_run)


@topology.command("prune", epilog="Example:  notifier topology migrate && notifier topology prune")
def prune() -> None:
    """After a migration, delete what only the old mechanism needs, once it holds nothing.

    The hold queues and their exchange, or the x-delayed-message exchange: not if other programs
    publish to it.
    """
    from notifier.settings import read_settings
    from notifier.wiring import migration

    for line in asyncio.run(migration.prune(read_settings())):
        typer.echo(line)


@topology.command("check")
def check_topology(as_json: AsJson = False) -> None:
    """Compare what RabbitMQ has with what the settings ask for; exit code 1 if it differs."""
    from notifier.readiness import topology_look
    from notifier.settings import read_settings

    _look([("RabbitMQ", topology_look(read_settings()))], as_json=as_json)


@app.command(epilog="Example:  notifier check || echo not ready")
def check(as_json: AsJson = False) -> None:
    """Look at settings, servers, tables, queues, clocks, secrets and the gateway before they run.

    Each problem is a line with its remedy; then the exit code is 1. Changes nothing.
    """
    from notifier.readiness import looks_of
    from notifier.settings import read_settings

    _look(looks_of(read_settings()), as_json=as_json)


@app.command(epilog="Example:  notifier settings --json | jq '.[] | select(.value != .default)'")
def settings(as_json: AsJson = False) -> None:
    """Print every setting: value, default, bounds, meaning, and the variable that sets it.

    Passwords and secrets are shown as ***.
    """
    from notifier.cli.settings_table import print_settings
    from notifier.settings import read_settings
    from notifier.settings_list import shown

    lines = list(shown(read_settings()))
    if as_json:
        _print_json([asdict(line) for line in lines])
    else:
        print_settings(lines)


def _explain_refusals_alone() -> None:
    """The AMQP library logs a traceback for a connection that the broker ends to refuse us."""
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)


def _look(looks: list[tuple[str, Look]], *, as_json: bool) -> None:
    from notifier.dispatch.checkup import look_at_all

    looked = asyncio.run(look_at_all(looks, within_s=LOOK_S))
    if as_json:
        _print_json([asdict(item) for item in looked])
    else:
        _print(looked)
    if any(item.seen.faults for item in looked):
        raise typer.Exit(1)


def _print_json(document: object) -> None:
    import orjson

    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def _print(looked: list[Looked]) -> None:
    for item in looked:
        if not item.seen.faults or item.seen.facts:
            typer.echo(f"ok       {item.subject}: {', '.join(item.seen.facts)}")
        for fault in item.seen.faults:
            remedy = f"; {fault.remedy}" if fault.remedy else ""
            typer.echo(f"problem  {item.subject}: {fault.what}{remedy}")
