"""Commands that end what is under way, or in doubt."""

from __future__ import annotations

import asyncio
import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app
from notifier.cli.intervention_lines import ids_of, report
from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.domain.intervention import Intervened

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command(epilog="Example:  notifier resolve 0193f2d0-7c1e-7e0a-9d2c-0c5a1e6f4b11 --sent")
def resolve(
    key: Annotated[str, typer.Argument(metavar="ID")],
    sent: Annotated[
        bool | None, typer.Option("--sent/--dead", help="Was somebody told?", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say of an unknown one whether somebody was told; it goes on record with your name."""
    from notifier.settings import read_settings
    from notifier.wiring import operator

    if sent is None:
        raise InvalidInput("resolve", "say --sent or --dead")
    (id_,) = ids_of([key])

    async def run() -> Intervened:
        async with operator.open_interventions(read_settings()) as interventions:
            return await interventions.resolve(id_, sent=sent, who=getpass.getuser())

    report([asyncio.run(run())], as_json=as_json)


@app.command(epilog="Example:  notifier cancel 1912136916313")
def cancel(
    key: Annotated[
        str, typer.Argument(metavar="ORDER_NO|ID", help="An order's number or a notification's id.")
    ],
    as_json: AsJson = False,
) -> None:
    """Tell nobody any more: of an order, or of one notification.

    An attempt under way is not stopped; it is not repeated if it fails.
    """
    from notifier.settings import read_settings
    from notifier.wiring import operator

    cancelled = asyncio.run(operator.cancel(read_settings(), key, who=getpass.getuser()))
    report(cancelled, as_json=as_json, strict=False)
