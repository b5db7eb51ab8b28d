"""What `notifier publish` says in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from notifier.dispatch.intake import Receipt
    from notifier.dispatch.publishing import Judged


def report(judged: Judged, receipts: Sequence[Receipt], *, as_json: bool, single: bool) -> None:
    """single: not a file, so that lines need no number."""
    held_up = next((receipt.held_up for receipt in receipts if receipt.held_up), "")
    if as_json:
        _print_json(judged, receipts, held_up)
        return
    _print_bad(judged, sent=bool(receipts), single=single)
    accepted = [item for receipt in receipts for item in receipt.accepted]
    if single:
        for item in accepted:
            known = "accepted" if item.new else f"known already, {item.state}"
            typer.echo(f"{item.id}  {known}, due {item.due_at.isoformat(timespec='milliseconds')}")
    elif accepted:
        new = sum(item.new for item in accepted)
        typer.echo(f"{new} accepted, {len(accepted) - new} known already, {len(judged.bad)} bad")
    if held_up:
        typer.echo(f"accepted, will be sent when the broker is back ({held_up})", err=True)


def _print_bad(judged: Judged, *, sent: bool, single: bool) -> None:
    for bad in judged.bad:
        place = "error" if single else f"line {bad.number}"
        typer.echo(f"{place}: {bad.reason}", err=True)
    if judged.bad and not sent and not single:
        typer.echo(
            f"{len(judged.bad)} bad lines, nothing sent (--skip-bad sends the rest)", err=True
        )


def _print_json(judged: Judged, receipts: Sequence[Receipt], held_up: str) -> None:
    import orjson

    accepted = [item for receipt in receipts for item in receipt.accepted]
    document = {
        "accepted": [
            {
                "id": str(item.id),
                "channel": submission.channel,
                "order_no": submission.order_no,
                "idempotency_key": submission.idempotency_key,
                "state": item.state,
                "due_at": item.due_at,
                "new": item.new,
            }
            for submission, item in zip(judged.good, accepted, strict=False)
        ],
        "bad": [
            {"line": bad.number, "field": bad.field, "reason": bad.reason} for bad in judged.bad
        ],
        "held_up": held_up,
    }
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
