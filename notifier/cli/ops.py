"""Commands that look at, and prepare, what the fleet needs."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app

if TYPE_CHECKING:
    from notifier.dispatch.checkup import Look, Looked

LOOK_S = 20.0

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

topology = typer.Typer(no_args_is_help=True, help="The exchange and the queues on RabbitMQ.")
app.add_typer(topology, name="topology")


@topology.command("apply", epilog="Example:  notifier topology apply && notifier topology check")
def apply_topology() -> None:
    """Declare the exchange, the tiers' queues and the dead queue; harmless where they exist."""
    from notifier.settings import read_settings
    from notifier.wiring import entry, parts

    settings = read_settings()
    asyncio.run(entry.apply_topology(settings))
    names = parts.topology_of(settings)
    queues = ", ".join((*names.tier_queues, names.dead_queue))
    typer.echo(f"exchange {names.exchange} and queues {queues} are there")


@topology.command("check")
def check_topology(as_json: AsJson = False) -> None:
    """Compare what RabbitMQ has with what the settings ask for; exit code 1 if it differs."""
    from notifier.readiness import topology_look
    from notifier.settings import read_settings

    _look([("RabbitMQ", topology_look(read_settings()))], as_json=as_json)


@app.command(epilog="Example:  notifier check || echo not ready")
def check(as_json: AsJson = False) -> None:
    """Look at settings, servers, tables, queues, clocks and secrets before the fleet runs.

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
    import orjson

    from notifier.cli.settings_table import print_settings
    from notifier.settings import read_settings
    from notifier.settings_list import shown

    lines = list(shown(read_settings()))
    if as_json:
        document = [asdict(line) for line in lines]
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        print_settings(lines)


def _look(looks: list[tuple[str, Look]], *, as_json: bool) -> None:
    from notifier.dispatch.checkup import look_at_all

    looked = asyncio.run(look_at_all(looks, within_s=LOOK_S))
    if as_json:
        import orjson

        document = [asdict(item) for item in looked]
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(looked)
    if any(item.seen.faults for item in looked):
        raise typer.Exit(1)


def _print(looked: list[Looked]) -> None:
    for item in looked:
        if not item.seen.faults or item.seen.facts:
            typer.echo(f"ok       {item.subject}: {', '.join(item.seen.facts)}")
        for fault in item.seen.faults:
            remedy = f"; {fault.remedy}" if fault.remedy else ""
            typer.echo(f"problem  {item.subject}: {fault.what}{remedy}")
