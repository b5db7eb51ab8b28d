"""What commands that intervene share: reading ids, printing what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
import typer

from notifier.dispatch.explain import id_of
from notifier.domain.intervention import Intervened
from notifier.domain.order import shorten
from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.broker.dead_queue import Buried


def ids_of(texts: Sequence[str]) -> list[UUID]:
    """Raises InvalidInput."""
    found = [(text, id_of(text)) for text in texts]
    for text, id_ in found:
        if id_ is None:
            raise InvalidInput("id", f"{shorten(text)} is no notification's id")
    return [id_ for _, id_ in found if id_ is not None]


def report(results: Sequence[Intervened], *, as_json: bool, strict: bool = True) -> None:
    """Print, and end with exit code 1 where something was refused (strict), or all was."""
    if as_json:
        typer.echo(document_of(results))
    else:
        print_lines(results)
    refused = [result for result in results if result.refused]
    if refused and (strict or len(refused) == len(results)):
        raise typer.Exit(1)


def print_lines(results: Sequence[Intervened]) -> None:
    """What was done on stdout, what was refused on stderr."""
    for result in results:
        name = f"{result.id} {result.order_no}".strip()
        typer.echo(f"{name}: {result.done or result.refused}", err=bool(result.refused))
    if not results:
        typer.echo("nothing to do")


def document_of(results: Sequence[Intervened]) -> str:
    return orjson.dumps(
        [
            {"id": str(r.id), "order_no": r.order_no, "done": r.done, "refused": r.refused}
            for r in results
        ],
        option=orjson.OPT_INDENT_2,
    ).decode()


def print_buried(buried: Sequence[Buried]) -> None:
    """A line for each: the reason, and the original bytes with all that is no ASCII escaped."""
    for item in buried:
        typer.echo(f"{item.reason}: {repr(item.body)[2:-1]}")
    if not buried:
        typer.echo("the dead queue is empty")


def document_of_buried(buried: Sequence[Buried]) -> str:
    return orjson.dumps(
        [
            {"reason": item.reason, "body": repr(item.body)[2:-1], "headers": dict(item.headers)}
            for item in buried
        ],
        default=repr,
        option=orjson.OPT_INDENT_2,
    ).decode()
