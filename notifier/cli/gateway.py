"""The gateway on its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app

if TYPE_CHECKING:
    from notifier.fleet.options import FleetOptions
    from notifier.settings import Settings


@app.command(epilog="Example:  notifier gateway --port 8008 --cert chain.pem --key key.pem")
def gateway(
    host: Annotated[str | None, typer.Option(help="Listen here; default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Default: 9501; 0 takes a free one.")] = None,
    cert: Annotated[
        Path | None, typer.Option(help="The certificate's chain (PEM), for https and wss.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    processes: Annotated[int | None, typer.Option(help="How many share the port.")] = None,
    name: Annotated[
        str | None, typer.Option(help="A second one on the same host needs another name.")
    ] = None,
) -> None:
    """Serve HTTP and WebSocket: submit, look, act, wait and watch.

    It stays in the foreground, and is steered as a fleet is: Ctrl-C or
    SIGTERM lets what is under way finish, a second one does not wait; SIGHUP
    or `notifier reload --name NAME` brings in new code, settings and
    certificates without refusing anybody. Its name is fleet.name and
    `-gateway`, which `notifier status` shows. `run-consumers --with-gateway`
    has one beside the consumers.
    """
    from notifier.cli.fleet import configure_logs, run

    given = {
        "host": host,
        "port": port,
        "cert_file": cert,
        "key_file": key,
        "processes": processes,
    }
    settings = _settings({name: value for name, value in given.items() if value is not None}, name)
    configure_logs(settings)
    run(settings, _options(settings))


def _settings(given: dict[str, object], name: str | None) -> Settings:
    from notifier.settings import read_settings

    own = name or f"{read_settings(gateway=given).fleet.name[:32]}-gateway"
    return read_settings(gateway=given, fleet={"name": own})


def _options(settings: Settings) -> FleetOptions:
    from dataclasses import replace

    from notifier.fleet.options import options_of
    from notifier.fleet.place import gateway_places

    options = options_of(settings.fleet, "1", gateway=settings.gateway)
    gateway = settings.gateway
    files = {"CERT_FILE": gateway.cert_file, "KEY_FILE": gateway.key_file}
    return replace(
        options,
        places=gateway_places(gateway.processes),
        environment={
            **options.environment,
            "NOTIFIER_GATEWAY_HOST": gateway.host,
            "NOTIFIER_GATEWAY_PORT": str(gateway.port),
            **{f"NOTIFIER_GATEWAY_{name}": str(path) for name, path in files.items() if path},
        },
    )
