"""`notifier operator`: who may look at the dashboard, and who may act there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from notifier.cli.app import app
from notifier.domain.operator import OperatorRole

if TYPE_CHECKING:
    from notifier.settings import Settings
    from notifier.store.operators import Operators

T = TypeVar("T")

group = typer.Typer(no_args_is_help=True, help="Who may look at the dashboard, and act there.")
app.add_typer(group, name="operator")

Name = Annotated[str, typer.Argument(metavar="NAME")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read it from a line of stdin; do not ask.")
]


def _run(act: Callable[[Operators], Awaitable[T]]) -> T:
    from notifier.settings import read_settings
    from notifier.wiring.dashboard import open_operators

    async def run() -> T:
        async with open_operators(read_settings()) as operators:
            return await act(operators)

    return asyncio.run(run())


@group.command(epilog="Examples:  notifier operator add mei --role operator    "
               "notifier operator add guest --without-password")  # fmt: skip
def add(
    name: Name,
    role: Annotated[
        OperatorRole, typer.Option(help="A viewer looks; an operator also acts.")
    ] = OperatorRole.VIEWER,
    without_password: Annotated[
        bool, typer.Option("--without-password", help="Only `notifier operator link` lets in.")
    ] = False,
    password_stdin: PasswordStdin = False,
) -> None:
    """Let somebody in. The password is asked for, and kept as what scrypt makes of it."""
    from notifier.domain.operator import Operator, check_operator_name, hashed

    operator = Operator(name=check_operator_name(name), role=role)
    password = None if without_password else hashed(_password(password_stdin))
    _run(lambda operators: operators.add(operator, password))
    typer.echo(f"{name} may come in, as {role}")


@group.command("list", epilog="Example:  notifier operator list")
def list_operators() -> None:
    """All of them, with their roles."""
    for each in _run(lambda operators: operators.all()):
        way = "password or link" if each.has_password else "link only"
        since = f"{each.created_at:%Y-%m-%d}"
        typer.echo(f"{each.operator.name}  {each.operator.role}  {way}  since {since}")


@group.command(epilog="Example:  notifier operator password mei")
def password(name: Name, password_stdin: PasswordStdin = False) -> None:
    """Give a new one. All sessions of this name end."""
    from notifier.domain.operator import hashed

    kept = hashed(_password(password_stdin))
    _run(lambda operators: operators.set_password(name, kept))
    typer.echo(f"{name} has a new password and is logged out everywhere")


@group.command(epilog="Example:  notifier operator link mei")
def link(
    name: Name,
    at: Annotated[
        str | None,
        typer.Option(help="Where the gateway is reached, https://…", show_default=False),
    ] = None,
) -> None:
    """Print an address that lets this name in once, within a quarter of an hour."""
    from notifier.dispatch.login import new_link
    from notifier.settings import read_settings

    token = _run(lambda operators: new_link(operators, name))
    # Behind the '#' it is sent to nobody's log.
    typer.echo(f"{(at or _address(read_settings())).rstrip('/')}/login#{token}")


@group.command(epilog="Example:  notifier operator remove mei")
def remove(name: Name) -> None:
    """Let nobody of this name in any more; what was done under it stays on record."""
    _run(lambda operators: operators.remove(name))
    typer.echo(f"{name} is gone and logged out everywhere")


def _address(settings: Settings) -> str:
    gateway = settings.gateway
    scheme = "http" if gateway.cert_file is None else "https"
    host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
    return f"{scheme}://{host}:{gateway.port}"


def _password(from_stdin: bool) -> str:
    """Never an argument, which everybody on the machine could read. Raises InvalidInput."""
    from notifier.domain.operator import check_password

    if from_stdin or not sys.stdin.isatty():
        return check_password(sys.stdin.readline().rstrip("\n"))
    return check_password(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
