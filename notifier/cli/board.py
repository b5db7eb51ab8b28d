"""`notifier board`."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app

if TYPE_CHECKING:
    from notifier.dispatch.board import BoardView
    from notifier.settings import Settings

EVERY_S = 1.0


@app.command(epilog="Examples:  notifier board --watch    notifier board --json | jq '.due[0]'")
def board(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every second, until Ctrl-C.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; with --watch one a line.")
    ] = False,
) -> None:
    """Show what is due next, in the order of the moments.

    Who is told, by which channel, about what, and in how long: a negative
    time is overdue. Recipients are masked, times are in the settings' zone.
    It is read from Redis, where whoever looks renews it from MySQL once a
    second; without Redis from MySQL alone.
    """
    from notifier.settings import read_settings
    from notifier.wiring.board import open_board

    settings = read_settings()

    async def run() -> None:
        async with open_board(settings) as view:
            if watch:
                await _watch(view, settings, limit=limit, as_json=as_json)
            else:
                await _show(view, settings, limit=limit, as_json=as_json)

    with suppress(KeyboardInterrupt):
        asyncio.run(run())


async def _show(view: BoardView, settings: Settings, *, limit: int, as_json: bool) -> None:
    from notifier.cli.board_table import document_of, print_board

    seen = await view.look(limit)
    if seen.trouble:
        typer.echo(f"warning: {seen.trouble}", err=True)
    if as_json:
        typer.echo(document_of(seen.board, settings.wechat.time_zone))
    else:
        print_board(seen.board, settings.wechat.time_zone)


async def _watch(view: BoardView, settings: Settings, *, limit: int, as_json: bool) -> None:
    from rich.console import Console
    from rich.live import Live

    from notifier.cli.board_table import screen_of

    # Not as a cancellation: what is asked just then could keep it to itself.
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, ended.set)
    console = Console(highlight=False)
    if as_json or not console.is_terminal:
        await _watch_plainly(view, settings, ended, limit=limit, as_json=as_json)
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not ended.is_set():
            # A terminal that is made larger or smaller is asked anew each time.
            fits = min(limit, max(console.height - 4, 1))
            seen = await view.look(fits)
            screen = screen_of(seen, settings.wechat.time_zone, width=console.width)
            live.update(screen, refresh=True)
            await _rest(ended)


async def _watch_plainly(
    view: BoardView, settings: Settings, ended: asyncio.Event, *, limit: int, as_json: bool
) -> None:
    from notifier.cli.board_table import line_of, print_board

    trouble = ""
    while not ended.is_set():
        seen = await view.look(limit)
        if seen.trouble != trouble:
            trouble = seen.trouble
            typer.echo(f"warning: {trouble}" if trouble else "all servers answer again", err=True)
        if as_json:
            typer.echo(line_of(seen.board, settings.wechat.time_zone))
        else:
            print_board(seen.board, settings.wechat.time_zone)
            typer.echo()
        await _rest(ended)


async def _rest(ended: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(EVERY_S):
            await ended.wait()
