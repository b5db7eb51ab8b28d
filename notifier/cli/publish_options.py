"""The options of `notifier publish`."""

from __future__ import annotations

from typing import Annotated

import typer

ORDERS, ANYBODY, WHEN = "Orders", "Anybody", "When"

Order = Annotated[
    str | None,
    typer.Option(
        help="A record order_no##order_id##expiry##openid##designer_name##designer_id, "
        "or the number of an order of the order table.",
        rich_help_panel=ORDERS,
    ),
]
File = Annotated[
    str | None,
    typer.Option(
        help="Many, one a line; - reads standard input. A line is a record, or a JSON object such "
        'as {"channel": "webhook", "recipient": "https://…", "payload": {…}}; its fields: channel, '
        "recipient, template, payload, order_no, idempotency_key, at or delay, ladder, deadline.",
    ),
]
OpenId = Annotated[
    str | None, typer.Option(help="The designer's, for a bare number.", rich_help_panel=ORDERS)
]
DesignerId = Annotated[int | None, typer.Option(min=0, rich_help_panel=ORDERS)]
DesignerName = Annotated[str | None, typer.Option(rich_help_panel=ORDERS)]
Again = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Tell again though the same record was accepted.",
        rich_help_panel=ORDERS,
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        help="Whom: an openid, https://… or endpoint:NAME, or a user id.",
        metavar="RECIPIENT",
        rich_help_panel=ANYBODY,
    ),
]
Channel = Annotated[
    str | None, typer.Option(help="How: wechat, webhook or push.", rich_help_panel=ANYBODY)
]
Template = Annotated[
    str | None,
    typer.Option(
        help="For wechat one of the settings; for the others a name that goes along.",
        rich_help_panel=ANYBODY,
    ),
]
Payload = Annotated[
    str | None,
    typer.Option(
        help="A JSON object, @FILE with one, or - for standard input.",
        metavar="JSON",
        rich_help_panel=ANYBODY,
    ),
]
OrderNo = Annotated[
    str | None,
    typer.Option(
        help="What it is about, for `explain`; no order is touched.", rich_help_panel=ANYBODY
    ),
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        help="The same key is accepted once; with another content it is refused.",
        metavar="KEY",
        rich_help_panel=ANYBODY,
    ),
]
At = Annotated[
    str | None,
    typer.Option(help="2026-11-21T12:00:00+08:00, or unix seconds.", rich_help_panel=WHEN),
]
Delay = Annotated[
    str | None, typer.Option(help="How long from now: 90s, 5m, 1h.", rich_help_panel=WHEN)
]
LadderName = Annotated[
    str,
    typer.Option(
        help="Which retries, if it is refused; see `notifier ladder list`.", rich_help_panel=WHEN
    ),
]
Deadline = Annotated[
    str | None,
    typer.Option(help="Tell nobody after this: a moment as for --at.", rich_help_panel=WHEN),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Send the good lines although there are bad ones.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
