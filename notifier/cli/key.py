"""`notifier key`: who may use the gateway's API, and for what."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import orjson
import typer

from notifier.cli.app import app

if TYPE_CHECKING:
    from notifier.domain.api_key import ApiKey
    from notifier.store.api_keys import ApiKeys

T = TypeVar("T")
group = typer.Typer(no_args_is_help=True, help="Keys of the gateway's API.")
app.add_typer(group, name="key")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Name = Annotated[str, typer.Argument(metavar="NAME")]


@group.command(epilog="Example:  notifier key add shop --scope submit --scope read")
def add(
    name: Name,
    scope: Annotated[
        list[str],
        typer.Option(help="submit, read, operate or live; may be given several times."),
    ],
    as_json: AsJson = False,
) -> None:
    """Make a key, and print it this one time; only a digest of it is kept.

    submit: accept notifications. read: look. operate: cancel, reschedule, replay, endpoints. live:
    make tickets for browsers, publish to topics.
    """
    from notifier.domain.api_key import check_key_name, check_scopes, new_key

    scopes, key = check_scopes(scope), new_key()
    check_key_name(name)
    _run(lambda keys: keys.add(name, scopes, key, who=getpass.getuser()))
    if as_json:
        _print({"name": name, "scopes": sorted(scopes), "key": key})
        return
    typer.echo(f"key {name} ({', '.join(sorted(scopes))}), shown this once: {key}")


@group.command("list", epilog="Example:  notifier key list")
def list_keys(as_json: AsJson = False) -> None:
    """All of them, without what is secret: scopes, who made them, when they were used last."""
    keys = _run(lambda store: store.all())
    if as_json:
        _print([_document(key) for key in keys])
        return
    if not keys:
        typer.echo("no key; `notifier key add NAME --scope submit` makes one")
    for key in keys:
        used = "never used" if key.used_at is None else f"used {_moment(key.used_at)}"
        scopes = ",".join(sorted(key.scopes))
        typer.echo(f"{key.name:20} ntf_{key.id}_…  {scopes:24} by {key.made_by}, {used}")


@group.command(epilog="Example:  notifier key remove shop")
def remove(name: Name) -> None:
    """Revoke a key; a gateway refuses it within five seconds."""
    _run(lambda keys: keys.remove(name))
    typer.echo(f"key {name} is removed; gateways refuse it within five seconds")


def _run(act: Callable[[ApiKeys], Awaitable[T]]) -> T:
    from notifier.settings import read_settings
    from notifier.wiring.api_keys import open_api_keys

    async def run() -> T:
        async with open_api_keys(read_settings()) as keys:
            return await act(keys)

    return asyncio.run(run())


def _document(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "made_by": key.made_by,
        "created_at": key.created_at,
        "used_at": key.used_at,
    }


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _print(document: object) -> None:
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
