"""How entries are printed that were kept aside."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import typer

from notifier.domain.order import FIELDS, SEPARATOR, shorten
from notifier.domain.timeline import masked
from notifier.store.legacy_rows import KeptAside

OPENID_PLACE = FIELDS.index("openid")


def print_lines(count: int, kept: Sequence[KeptAside]) -> None:
    typer.echo(f"{count} entries were kept aside")
    for one in kept:
        at = one.rejected_at.isoformat(sep=" ", timespec="seconds")
        typer.echo(f"{one.id:>8}  {at}  {one.item.way}  {shown(one)}")
        typer.echo(f"          {one.reason}")
    if len(kept) < count:
        typer.echo(f"{len(kept)} of {count}; --limit shows more")


def print_json(count: int, kept: Sequence[KeptAside]) -> None:
    rows = [
        {
            "id": one.id,
            "way": one.item.way.value,
            "entry": shown(one),
            "bytes": one.item.size,
            "score": one.item.score or None,
            "reason": one.reason,
            "rejected_at": one.rejected_at,
        }
        for one in kept
    ]
    document = {"kept_aside": count, "kept": rows}
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def shown(kept: KeptAside) -> str:
    """Quoted and cut, the openid masked where there is one."""
    parts = kept.item.body.decode(errors="replace").split(SEPARATOR)
    if len(parts) > OPENID_PLACE:
        parts[OPENID_PLACE] = masked(parts[OPENID_PLACE])
    text = shorten(SEPARATOR.join(parts), 100)
    return f"{text} at {kept.item.score}" if kept.item.score else text
