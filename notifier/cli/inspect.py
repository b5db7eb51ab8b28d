"""Commands that look at what happened."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.app import app
from notifier.domain.due import TAUGHT
from notifier.domain.notification import State

if TYPE_CHECKING:
    from notifier.dispatch.explain import Explained
    from notifier.domain.audit import Audit
    from notifier.domain.timeline import Standing

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command(epilog="Example:  notifier audit --json | jq '.findings[].notification_id'")
def audit(as_json: AsJson = False) -> None:
    """Check what must always be true, over all notifications, attempts and orders.

    Names every row that breaks a check; then the exit code is 1. Locks nothing, and may run while
    the fleet is at work: a claim or a record is seen whole or not at all.
    """
    from notifier.cli.audit_report import document_of, print_audit
    from notifier.settings import read_settings
    from notifier.wiring import operator

    settings = read_settings()

    async def run() -> Audit:
        async with operator.open_auditor(settings) as auditor:
            return await auditor.audit()

    report = asyncio.run(run())
    if as_json:
        typer.echo(document_of(report))
    else:
        print_audit(report)
    if not report.is_clean:
        raise typer.Exit(1)


@app.command(epilog="Example:  notifier explain 1912136916313")
def explain(
    key: Annotated[
        str, typer.Argument(metavar="ORDER_NO|ID", help="An order's number or a notification's id.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show who was told of an order, when, why then, and what comes next.

    Times are those of \\[wechat] time_zone. Exit code 1 where there is no such notification.
    """
    from zoneinfo import ZoneInfo

    from notifier.cli.timeline import document_of, print_timelines
    from notifier.settings import read_settings
    from notifier.wiring import operator

    settings = read_settings()

    async def run() -> list[Explained]:
        async with operator.open_explainer(settings) as explainer:
            return await explainer.explain(key)

    explained = asyncio.run(run())
    time_zone = ZoneInfo(settings.wechat.time_zone)
    if as_json:
        typer.echo(document_of(explained, time_zone))
    else:
        print_timelines(explained, time_zone)


@app.command(
    "list",
    epilog="Examples:  notifier list --due overdue    notifier list --due next:1h --state scheduled"
    "    notifier list --due '2026-11-21 18:00..2026-11-21 22:00'",
)
def list_notifications(
    state: Annotated[
        list[State] | None, typer.Option(help="Only of this state; may be given several times.")
    ] = None,
    order: Annotated[str | None, typer.Option(help="Only of this order.")] = None,
    due: Annotated[
        str | None, typer.Option(help=f"Only due then: {TAUGHT}.", metavar="SPAN")
    ] = None,
    due_before: Annotated[
        str | None, typer.Option(help="Only due before: 2026-11-21 12:00, or unix seconds.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List notifications, the newest first; with --due or --due-before those due first.

    Days and times are those of \\[wechat] time_zone; a span ends before its second moment.
    `overdue` is what waits although its moment has come. What has ended keeps the moment of its
    last attempt.
    """
    from zoneinfo import ZoneInfo

    from notifier.cli.listing_table import document_of, print_listing
    from notifier.domain.due import span_of
    from notifier.domain.listing import Wanted
    from notifier.settings import read_settings
    from notifier.wiring import operator

    settings = read_settings()
    zone = ZoneInfo(settings.wechat.time_zone)
    span = span_of(due, before=due_before, zone=zone, now=datetime.now(UTC))
    waits = (State.SCHEDULED, State.WAITING) if span.overdue else ()
    wanted = Wanted(
        states=tuple(state or waits),
        order_no=order,
        due_since=span.since,
        due_before=span.before,
    )

    async def run() -> tuple[list[Standing], int]:
        async with operator.open_listing(settings) as listing:
            return await listing.find(wanted, most=limit), await listing.count(wanted)

    found, count = asyncio.run(run())
    if as_json:
        typer.echo(document_of(found, settings.wechat.time_zone))
    else:
        print_listing(found, count, settings.wechat.time_zone)
