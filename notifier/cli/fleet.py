"""Commands that run and steer a fleet."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Callable

    from notifier.fleet.announce import Presence
    from notifier.fleet.options import FleetOptions
    from notifier.settings import Settings

Name = Annotated[
    str | None,
    typer.Option("--name", help="Which fleet of this host; default: fleet.name of the settings."),
]


@app.command(
    "run-consumers",
    epilog="Examples:  notifier run-consumers    "
    "notifier run-consumers --tiers 1,3 --processes 1:4 --metrics-port 9464",
)
def run_consumers(
    tiers: Annotated[
        str | None,
        typer.Option(help="Seconds, shortest first: 1,3,5,15,30. One queue and process for each."),
    ] = None,
    processes: Annotated[
        str, typer.Option(help="Processes per tier: 2 for each, or 1:4,3:2 and one for the others.")
    ] = "1",
    concurrency: Annotated[
        int | None, typer.Option(help="Attempts under way at once, per process.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="A second fleet on the same host needs another name.")
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(help="Prometheus metrics of the whole fleet on this port of loopback."),
    ] = None,
    with_gateway: Annotated[
        bool | None,
        typer.Option("--with-gateway", help="HTTP and WebSocket beside it; see notifier gateway."),
    ] = None,
) -> None:
    """Run the fleet: one consumer process per tier and one for the calendar.

    It stays in the foreground. Ctrl-C or SIGTERM lets the work in flight
    finish, a second one does not wait. SIGHUP or `notifier reload` brings in
    new code and new settings without losing anything.
    """
    from notifier.domain.ladder import parse_tiers
    from notifier.fleet.options import options_of

    settings = settings_of(
        name=name,
        tiers=None if tiers is None else parse_tiers(tiers),
        concurrency=concurrency,
        metrics_port=metrics_port,
    )
    options = options_of(
        settings.fleet,
        processes,
        concurrency=concurrency,
        intake=settings.intake.enabled,
        gateway=settings.gateway if with_gateway or settings.gateway.enabled else None,
    )
    configure_logs(settings)
    run(settings, options)


@app.command(epilog="Example:  notifier reload && echo the new code is at work")
def reload(name: Name = None) -> None:
    """Replace the processes one by one with fresh ones: new code, new settings, nothing lost.

    Returns when all new ones are up. If one does not come up, the old ones
    keep running and the exit code is 1. The supervisor itself keeps its code;
    stop and start the fleet to renew it.
    """
    from notifier.fleet.asking import ask_reload

    settings = settings_of(name=name)
    count = ask_reload(settings.fleet.run_dir, settings.fleet.name)
    typer.echo(f"fleet {settings.fleet.name}: {count} processes replaced")


@app.command(epilog="Example:  notifier stop --name night --now")
def stop(
    name: Name = None,
    now: Annotated[
        bool, typer.Option("--now", help="Kill; what is in flight is done again later.")
    ] = False,
) -> None:
    """Let a fleet of this host finish its work in flight and end.

    Returns when it is gone.
    """
    from notifier.fleet.asking import ask_stop

    settings = settings_of(name=name)
    reason = ask_stop(settings.fleet.run_dir, settings.fleet.name, now=now)
    typer.echo(reason or f"fleet {settings.fleet.name}: stopped")
    if reason:
        raise typer.Exit(1)


@app.command(epilog="Example:  notifier status --json | jq '.fleets[].processes[].rate_per_s'")
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the fleets of all hosts: processes, work in flight, rates, memory, depths.

    And what rests, who wanted that and why, and what waits in the outbox.

    A fleet is shown while its heartbeats arrive in Redis; those of this host
    are asked directly. Exit code 1 if there is none.
    """
    from notifier.cli.fleet_table import document_of, print_tables
    from notifier.fleet.survey import survey

    settings = settings_of()
    configure_logs(settings)
    seen = asyncio.run(survey(settings, _open_presence(settings)))
    if as_json:
        typer.echo(document_of(seen))
    else:
        print_tables(seen)
    for problem in seen.problems:
        typer.echo(f"warning: {problem}", err=True)
    if not seen.fleets:
        raise typer.Exit(1)


def settings_of(**fleet: Any) -> Settings:
    from notifier.settings import read_settings

    given = {key: value for key, value in fleet.items() if value is not None}
    return read_settings(**({"fleet": given} if given else {}))


def configure_logs(settings: Settings) -> None:
    from notifier import logs

    logs.configure(settings.log.level, settings.log.json_lines)


def _open_presence(settings: Settings) -> Callable[[], Presence]:
    def open_presence() -> Presence:
        from notifier.store.presence import RedisPresence

        return RedisPresence(settings.redis.url.get_secret_value(), prefix=settings.redis.prefix)

    return open_presence


def run(settings: Settings, options: FleetOptions) -> None:
    from notifier.fleet.leases import release_in_own_process
    from notifier.fleet.run import run_fleet

    run_fleet(
        options,
        release_leases=release_in_own_process(options.environment),
        open_presence=_open_presence(settings),
        say=_say,
    )


def _say(line: str) -> None:
    # The reader of our output may go away (`| head`); the fleet stays.
    with contextlib.suppress(OSError):
        typer.echo(line)
