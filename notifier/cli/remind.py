"""`notifier remind`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from notifier.cli.app import app
from notifier.cli.publish import tell

EXAMPLE = (
    "Examples:  notifier remind oLvqQwo25p5myELvO5VXj0k-7ngk --in 10m --channel wechat    "
    "notifier remind user-7 --at '2026-11-22 07:30' --channel webhook --to endpoint:shop "
    "--order 1912136916313"
)


@app.command(epilog=EXAMPLE)
def remind(
    user: Annotated[
        str, typer.Argument(metavar="USER", help="An openid on wechat, else a user id.")
    ],
    channel: Annotated[str, typer.Option(help="How: wechat, webhook or push.", show_default=False)],
    at: Annotated[str | None, typer.Option(help="When: 2026-11-22 07:30, or unix seconds.")] = None,
    in_: Annotated[
        str | None, typer.Option("--in", help="Or how long after the reservation: 10m, 10000ms.")
    ] = None,
    to: Annotated[
        str, typer.Option(help="On webhook, whom to call: https://… or endpoint:NAME.")
    ] = "",
    order: Annotated[str, typer.Option(help="The number of what is to be picked up.")] = "",
    reserved_at: Annotated[
        str | None, typer.Option(help="When it was ordered; by default now.")
    ] = None,
    ladder: Annotated[str, typer.Option(help="Which retries, as for `publish`.")] = "default",
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key is accepted once.", metavar="KEY")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Remind somebody of a pick-up: tell USER at a moment by a channel.

    It is `publish` with the template pickup_reminder; what it says on wechat
    are the settings pickup_template and pickup_fields. `notifier board` shows
    it until it is told, `notifier cancel` takes it back.
    """
    from zoneinfo import ZoneInfo

    from notifier.dispatch.ordering import Timing
    from notifier.domain.moment import parse_duration, parse_moment
    from notifier.domain.reminder import Reminder, notice_of
    from notifier.settings import read_settings

    settings = read_settings()
    zone = ZoneInfo(settings.wechat.time_zone)
    reminder = Reminder(
        user=user,
        channel=channel,
        to=to,
        at=parse_moment("at", at, zone) if at is not None else None,
        after=parse_duration("in", in_) if in_ is not None else None,
        reserved_at=(
            parse_moment("reserved-at", reserved_at, zone) if reserved_at is not None else None
        ),
        order_no=order,
        idempotency_key=idempotency_key,
        ladder=ladder,
    )
    notice = notice_of(reminder, now=datetime.now(UTC), zone=zone)
    tell(settings, [notice], timing=Timing(), as_json=as_json)
