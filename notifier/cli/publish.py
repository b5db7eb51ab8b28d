"""`notifier publish`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli import publish_options as options
from notifier.cli.app import app
from notifier.cli.publish_lines import lines_of, notice_of, timing_of
from notifier.cli.publish_report import report
from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.dispatch.intake import Receipt
    from notifier.dispatch.ordering import Designer, Timing
    from notifier.dispatch.publishing import Judged
    from notifier.domain.notice import Notice
    from notifier.domain.submission import Submission
    from notifier.settings import Settings

PROGRESS_FROM = 1000

EXAMPLE = (
    "Examples:  notifier publish --order '1912136916313##150481##1795262400##oLvq##李伟##13926'"
    "    notifier publish --to https://merchant.example.com/notify --channel webhook "
    '--payload \'{"paid": "12.50"}\' --ladder alipay --idempotency-key payment-4711'
    "    notifier publish --file orders.txt --delay 5m    notifier publish --file - < notices.jsonl"
)


@app.command(epilog=EXAMPLE)
def publish(
    order: options.Order = None,
    file: options.File = None,
    to: options.To = None,
    channel: options.Channel = None,
    template: options.Template = None,
    payload: options.Payload = None,
    order_no: options.OrderNo = None,
    idempotency_key: options.IdempotencyKey = None,
    at: options.At = None,
    delay: options.Delay = None,
    ladder: options.LadderName = "default",
    deadline: options.Deadline = None,
    openid: options.OpenId = None,
    designer_id: options.DesignerId = None,
    designer_name: options.DesignerName = None,
    again: options.Again = False,
    skip_bad: options.SkipBad = False,
    as_json: options.AsJson = False,
) -> None:
    """Accept notifications: from then on they are told, or it is on record why not.

    --order tells a designer about an order, --to anybody about anything, --file many of both.
    An order is due when its claim window (the record's expiry) ends, any other after the ladder's
    first delay; or both at --at, or after --delay. The same record, and the same key, twice makes
    one notification. Exit code 0: accepted, also while RabbitMQ is down; 2: bad input, nothing
    sent.
    """
    from notifier.dispatch.ordering import designer_of
    from notifier.settings import read_settings

    notice = notice_of(
        to,
        channel,
        template=template,
        payload=payload,
        order_no=order_no,
        idempotency_key=idempotency_key,
    )
    lines = lines_of(order, file, notice=notice)
    settings = read_settings()
    timing = timing_of(settings, at, delay, deadline=deadline, ladder=ladder)
    designer = designer_of(openid, designer_name, designer_id)
    tell(
        settings,
        lines,
        designer=designer,
        timing=timing,
        again=again,
        skip_bad=skip_bad,
        as_json=as_json,
        single=file is None,
    )


def tell(
    settings: Settings,
    lines: list[str | Notice],
    *,
    timing: Timing,
    designer: Designer | None = None,
    again: bool = False,
    skip_bad: bool = False,
    as_json: bool = False,
    single: bool = True,
) -> None:
    """Judge every line, accept the good ones, and say so. single: there is no file, only one."""
    judged = asyncio.run(_judge(settings, lines, designer=designer, timing=timing, again=again))
    if not judged.good and not judged.bad:
        raise InvalidInput("order" if single else "file", "has no record")
    if (judged.bad and not skip_bad) or not judged.good:
        report(judged, [], as_json=as_json, single=single)
        raise typer.Exit(2)
    receipts = asyncio.run(_accept(settings, judged.good, quiet=as_json or single))
    report(judged, receipts, as_json=as_json, single=single)


async def _judge(
    settings: Settings,
    lines: list[str | Notice],
    *,
    designer: Designer | None,
    timing: Timing,
    again: bool,
) -> Judged:
    from notifier.wiring import entry

    async with entry.open_reader(settings, designer=designer, timing=timing, again=again) as reader:
        return await reader.judge(lines)


async def _accept(
    settings: Settings, submissions: list[Submission], *, quiet: bool
) -> list[Receipt]:
    from notifier.wiring import entry

    async with entry.open_intake(settings) as intake:
        return [await intake.accept(batch) for batch in _batches(submissions, quiet=quiet)]


def _batches(submissions: list[Submission], *, quiet: bool) -> Iterator[list[Submission]]:
    from rich.console import Console
    from rich.progress import Progress

    from notifier.dispatch.intake import batches

    console = Console(stderr=True)
    shown = len(submissions) >= PROGRESS_FROM and console.is_terminal and not quiet
    with Progress(console=console, disable=not shown) as progress:
        task = progress.add_task("accepting", total=len(submissions))
        for batch in batches(submissions):
            yield batch
            progress.advance(task, len(batch))


@app.command(epilog="Example:  notifier wait 1912136916313 --timeout 60 && echo told")
def wait(
    which: Annotated[str, typer.Argument(help="An order's number or a notification's id.")],
    timeout: Annotated[float, typer.Option(min=0, help="Seconds.")] = 60,
) -> None:
    """Wait until everything about an order, or a notification and what it caused, has ended.

    Exit code 0 if all were told, 1 if one was not, or it takes longer.
    """
    from notifier.settings import read_settings
    from notifier.wiring import entry

    states = asyncio.run(entry.wait_until_settled(read_settings(), which, timeout))
    typer.echo(", ".join(f"{role}: {state}" for role, state in states) or "there is no such thing")
    if not states or any(state != "sent" for _, state in states):
        raise typer.Exit(1)
