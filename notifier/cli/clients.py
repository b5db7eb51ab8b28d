"""`notifier clients`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from notifier.cli.app import app


@app.command(epilog="Examples:  notifier clients    notifier clients --full --json | jq length")
def clients(
    full: Annotated[bool, typer.Option("--full", help="Users as they are, not masked.")] = False,
    most: Annotated[
        int, typer.Option("--most", min=1, max=100_000, help="Clients listed of each gateway.")
    ] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Who is connected to the gateways, since when, and what waits for them.

    It asks all gateways that share this Redis; each counts all of its clients, and lists those
    that are connected longest. Exit code 1: Redis does not
    answer, so that nobody knows.
    """
    import orjson

    from notifier.settings import read_settings
    from notifier.wiring.live import connected_clients

    bodies = asyncio.run(connected_clients(read_settings(), most=most))
    gateways = [orjson.loads(body) for body in bodies]
    gateways.sort(key=lambda gateway: (gateway["host"], gateway["pid"]))
    if not full:
        _mask(gateways)
    if as_json:
        typer.echo(orjson.dumps(gateways, option=orjson.OPT_INDENT_2).decode())
        return
    for line in _lines(gateways):
        typer.echo(line)


def _mask(gateways: Sequence[Mapping[str, Any]]) -> None:
    from notifier.domain.timeline import masked

    for gateway in gateways:
        for client in gateway["clients"]:
            client["user"] = masked(client["user"]) if client["user"] else ""


def _lines(gateways: Sequence[Mapping[str, Any]]) -> list[str]:
    if not gateways:
        return ["no gateway runs"]
    lines = []
    for gateway in gateways:
        clients = sorted(gateway["clients"], key=lambda client: client["since"])
        number = gateway["count"]["clients"]
        count = f"{number} client{'' if number == 1 else 's'}"
        lines.append(f"gateway {gateway['host']} pid {gateway['pid']}: {count}")
        lines += [_line(client) for client in clients]
        if number > len(clients):
            lines.append(f"  and {number - len(clients)} more: --most {number}")
        if not clients:
            lines.append("  当前没有客户端连接")
    return lines


def _line(client: Mapping[str, Any]) -> str:
    topics = client["topics"]
    shown = ", ".join(topics[:3]) + (f" and {len(topics) - 3} more" if len(topics) > 3 else "")
    parts = [
        f"---{client['user'] or 'no ticket yet'}",
        client["kind"],
        client["address"],
        f"since {client['since']}",
        f"topics: {shown or 'none'}",
    ]
    if client["queued_bytes"]:
        parts.append(f"{client['queued_bytes']} bytes queued")
    if client["unacknowledged"]:
        parts.append(f"{client['unacknowledged']} unacknowledged")
    return "  " + "  ".join(parts)
