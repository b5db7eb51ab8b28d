"""`notifier endpoint`: the receivers of webhooks that are registered under a name."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from notifier.cli.app import app
from notifier.domain.endpoint import PREFIX, Dialect

if TYPE_CHECKING:
    from notifier.dispatch.endpoints import Registry

T = TypeVar("T")
group = typer.Typer(no_args_is_help=True, help="Receivers of webhooks, registered under a name.")
app.add_typer(group, name="endpoint")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Name = Annotated[str, typer.Argument(metavar="NAME")]
SecretStdin = Annotated[
    bool, typer.Option("--secret-stdin", help="Read whsec_… from stdin instead of making one.")
]


def _run(act: Callable[[Registry], Awaitable[T]]) -> T:
    from notifier.settings import read_settings
    from notifier.wiring.endpoints import open_registry

    async def run() -> T:
        async with open_registry(read_settings()) as registry:
            return await act(registry)

    return asyncio.run(run())


@group.command(epilog="Example:  notifier endpoint add shop https://shop.example.com/notify")
def add(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL")],
    dialect: Annotated[
        Dialect, typer.Option(help="By which answer it says that it has heard.")
    ] = Dialect.STANDARD,
    ladder: Annotated[
        str, typer.Option(help="For what asks for no other; see `notifier ladder list`.")
    ] = "",
    rate: Annotated[
        float | None, typer.Option(help="Requests a second at most.", show_default=False)
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Of one request, e.g. 5s.", show_default=False)
    ] = None,
    allow_http: Annotated[bool, typer.Option("--allow-http", help="Unencrypted too.")] = False,
    secret_stdin: SecretStdin = False,
    as_json: AsJson = False,
) -> None:
    """Register a receiver, and print the secret that signs its webhooks, this one time."""
    from notifier.cli.endpoint_lines import print_added
    from notifier.domain.endpoint import EndpointForm
    from notifier.domain.moment import parse_duration

    form = EndpointForm(
        name=name,
        url=url,
        dialect=dialect,
        ladder=ladder,
        rate_per_s=rate,
        timeout=None if timeout is None else parse_duration("timeout", timeout),
        http=allow_http,
    )
    given = _given_secret() if secret_stdin else None
    added = _run(lambda registry: registry.add(form, secret=given))
    print_added(name, None if given else added.secret, as_json=as_json)
    if not added.is_resolved:
        typer.echo("note: its host has no address at the moment, as seen from here", err=True)


@group.command("list", epilog="Example:  notifier endpoint list")
def list_endpoints(as_json: AsJson = False) -> None:
    """All of them: URL, dialect, and whether they hear, fail or rest. No secrets."""
    from notifier.cli.endpoint_lines import print_list

    print_list(_run(lambda registry: registry.all()), as_json=as_json)


@group.command(epilog="Example:  notifier endpoint show shop --json")
def show(name: Name, as_json: AsJson = False) -> None:
    """One of them, with everything but its secret."""
    from notifier.cli.endpoint_lines import print_one

    print_one(_run(lambda registry: registry.one(name)), as_json=as_json)


@group.command("rotate-secret", epilog="Example:  notifier endpoint rotate-secret shop")
def rotate_secret(
    name: Name,
    overlap: Annotated[
        str, typer.Option(help="How long the secret before signs too, at most 7d.")
    ] = "24h",
    secret_stdin: SecretStdin = False,
    as_json: AsJson = False,
) -> None:
    """Give it a new secret. For a while both sign, so that the receiver can go over at leisure."""
    from notifier.cli.endpoint_lines import print_added
    from notifier.domain.moment import parse_duration

    given = _given_secret() if secret_stdin else None
    both_for = parse_duration("overlap", overlap)
    secret = _run(lambda registry: registry.rotate(name, secret=given, overlap=both_for))
    print_added(name, None if given else secret, as_json=as_json)


@group.command(epilog='Example:  notifier endpoint pause shop --reason "they are moving"')
def pause(
    name: Name, reason: Annotated[str, typer.Option(help="For whoever asks.")] = "by hand"
) -> None:
    """Send it nothing until it is resumed; `notifier pause --endpoint` knows more.

    What is for it waits, and its ladder does not burn.
    """
    from notifier.cli.pausing import order
    from notifier.settings import read_settings

    order(read_settings(), PREFIX + name, reason=reason)
    typer.echo(f"endpoint {name} is paused; `notifier endpoint resume {name}` lifts it")


@group.command(epilog="Example:  notifier endpoint resume shop")
def resume(name: Name) -> None:
    """Lift its rest, whoever ordered it. What was put off is told now."""
    from notifier.cli.pausing import lift
    from notifier.settings import read_settings

    count = lift(read_settings(), PREFIX + name)
    typer.echo(f"endpoint {name} works again; notifications that had been put off: {count}")


@group.command(epilog="Example:  notifier endpoint remove shop")
def remove(name: Name) -> None:
    """Forget it and its secret. What still waits for it ends dead, and can be replayed."""
    count = _run(lambda registry: registry.remove(name))
    typer.echo(f"endpoint {name} is removed; notifications that were still to be told: {count}")


@group.command("test", epilog="Example:  notifier endpoint test shop")
def try_out(name: Name, as_json: AsJson = False) -> None:
    """Send it one signed webhook of type notifier.test now, and show its answer."""
    from notifier.cli.endpoint_lines import print_outcome

    is_heard = print_outcome(_run(lambda registry: registry.test(name)), as_json=as_json)
    if not is_heard:
        raise typer.Exit(1)


def _given_secret() -> str:
    """A line of stdin; never an argument, which everybody on the machine could read."""
    return sys.stdin.readline().strip()
