"""`notifier stack`: real servers, private to the checkout."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app, private_folder

if TYPE_CHECKING:
    from notifier.stack import ServerStatus

stack_app = typer.Typer(
    no_args_is_help=True,
    help="RabbitMQ, MariaDB and Redis for development: own folder, own ports, loopback only.",
)
app.add_typer(stack_app, name="stack")


DEFAULT = private_folder() / "stack"
Folder = Annotated[
    Path, typer.Option(help="Data, logs, ports and passwords.", envvar="NOTIFIER_STACK")
]


@stack_app.command(epilog='Example:  notifier stack up && eval "$(notifier stack env)"')
def up(folder: Folder = DEFAULT) -> None:
    """Start what is not running, create the tables, and say where everything is."""
    from notifier.stack.stack import Stack

    stack = Stack(folder)
    stack.up()
    _print_status(stack.status())


@stack_app.command()
def down(
    folder: Folder = DEFAULT,
    wipe: Annotated[bool, typer.Option("--wipe", help="Remove the data too.")] = False,
) -> None:
    """Stop the servers in good order; data, ports and passwords stay."""
    from notifier.stack.stack import Stack

    stack = Stack(folder)
    stack.wipe() if wipe else stack.down()
    typer.echo("wiped" if wipe else "down")


@stack_app.command()
def status(folder: Folder = DEFAULT) -> None:
    """Which server is up, where. Exit code 1 unless all are."""
    from notifier.stack.stack import Stack

    statuses = Stack(folder).status()
    if not statuses:
        typer.echo(f"there is no stack in {folder}: run `notifier stack up`")
        raise typer.Exit(1)
    _print_status(statuses)
    if any(server.state != "up" for server in statuses):
        raise typer.Exit(1)


@stack_app.command()
def env(folder: Folder = DEFAULT) -> None:
    """Print the settings for a shell: eval "$(notifier stack env)"."""
    from notifier.stack.stack import Stack

    typer.echo(Stack(folder).exports(), nl=False)


@stack_app.command(
    epilog="Example:  notifier stack order 1912136916313 --id 150481 --publisher oPub…"
)
def order(
    order_no: str,
    id_: Annotated[int, typer.Option("--id", min=0, help="order_id")],
    publisher: Annotated[str, typer.Option(help="openid of who placed it")] = "",
) -> None:
    """Put an order that nobody has taken into the stack's own tg_order_task, to play with.

    Uses the database of the settings; makes the table where there is none.
    """
    from notifier.settings import read_settings
    from notifier.wiring import entry

    asyncio.run(entry.put_order(read_settings(), order_no, order_id=id_, publisher=publisher))
    typer.echo(f"order {order_no} (id {id_}) is open")


def _print_status(statuses: Sequence[ServerStatus]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("server", "state", "address", "version", "pid", box=None)
    for server in statuses:
        table.add_row(
            server.name, server.state, server.address, server.version, str(server.pid or "-")
        )
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(f" data and logs: {statuses[0].folder.parent}")
