"""`notifier loadtest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from notifier.cli import loadtest_options as options
from notifier.cli.app import app, private_folder
from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.domain.notification import ChannelName
    from notifier.loadtest.report import Report
    from notifier.loadtest.run import LoadOptions
    from notifier.settings import Settings

FOLDER = private_folder() / "loadtest"


@app.command(
    epilog="Examples:  notifier loadtest --count 500 --fail 0.3    "
    "notifier loadtest --count 4000 --rate 200/s --json lateness.json --html lateness.html    "
    "notifier loadtest --channel webhook --count 10000 --endpoints 100 --fail 0.2"
)
def loadtest(
    count: options.Count = 500,
    channel: options.Channel = "wechat",
    endpoints: options.Endpoints = None,
    rate: options.Rate = None,
    fail: options.Fail = 0.0,
    control_url: options.ControlUrl = None,
    timeout: options.Timeout = None,
    json_file: options.JsonFile = None,
    html_file: options.HtmlFile = None,
    folder: options.Folder = FOLDER,
    target_is_mine: options.TargetIsMine = False,
) -> None:
    """Accept many synthetic orders or webhooks, wait until all have been told, and prove it.

    What was accepted is compared with the sandbox's effects on disk: each order's designer and
    publisher, or each webhook's endpoint, must have been told exactly once. Exit code 1 if anybody
    was lost or doubled, or if not all had come to an end in time. Orders go to a table of their
    own, notifier_loadtest_order, and the sandbox's quotas are lifted until its reset. Webhooks go
    to endpoints named loadtest-…, which are removed at the end; the sandbox verifies their
    signatures, and takes each webhook-id once. Pushes go to clients of the test's own at the
    gateway of the settings, which acknowledge each.
    """
    from notifier.loadtest.run import LoadOptions

    asked = LoadOptions(
        channel=_channel(channel),
        endpoints=_endpoints(endpoints, channel),
        count=count,
        rate=None if rate is None else _per_second(rate),
        fail=fail,
        timeout_s=timeout,
        folder=folder,
        target_is_mine=target_is_mine,
    )
    _test(asked, control_url, json_file=json_file, html_file=html_file)


def _test(
    asked: LoadOptions,
    control_url: str | None,
    *,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    from notifier.loadtest.report import lines_of
    from notifier.settings import read_settings

    given = {} if control_url is None else {"sandbox": {"control_url": control_url}}
    report = _run(read_settings(**given), asked)
    for line in lines_of(report):
        typer.echo(line)
    if json_file is not None:
        _write(json_file, _json(report), option="json")
    if html_file is not None:
        _write(html_file, _html(report), option="html")
    if not report.is_clean:
        raise typer.Exit(1)


def _run(settings: Settings, asked: LoadOptions) -> Report:
    from contextlib import AsyncExitStack

    import uvloop

    from notifier import logs
    from notifier.loadtest.progress import shown
    from notifier.loadtest.run import run_load_test
    from notifier.sandbox.control import AsyncSandboxControl

    logs.configure("warning", settings.log.json_lines)

    async def run() -> Report:
        async with AsyncExitStack() as stack:
            receiver = None
            if settings.sandbox.control_url is not None:
                control = AsyncSandboxControl(settings.sandbox.control_url)
                receiver = await stack.enter_async_context(control)
            show = stack.enter_context(shown())
            return await run_load_test(settings, asked, receiver, show=show)

    report: Report = uvloop.run(run())
    return report


def _channel(name: str) -> ChannelName:
    from notifier.domain.notification import ChannelName

    if name not in (ChannelName.WECHAT, ChannelName.WEBHOOK, ChannelName.PUSH):
        raise InvalidInput("channel", f"{name!r} is none of wechat, webhook, push")
    return ChannelName(name)


def _endpoints(given: int | None, channel: str) -> int:
    if given is not None and channel != "webhook":
        raise InvalidInput("endpoints", f"{given} go with --channel webhook, not with {channel}")
    return 100 if given is None else given


def _per_second(text: str) -> float:
    try:
        rate = float(text.removesuffix("/s"))
    except ValueError:
        raise InvalidInput("rate", f"{text!r} is no number a second, as 200/s") from None
    if not 0 < rate <= 100_000:
        raise InvalidInput("rate", f"{text} is not above 0 and at most 100000 a second")
    return rate


def _json(report: Report) -> bytes:
    import orjson

    from notifier.loadtest.report import document_of

    return orjson.dumps(document_of(report), option=orjson.OPT_INDENT_2)


def _html(report: Report) -> bytes:
    from notifier.loadtest.page import page_of

    return page_of(report).encode()


def _write(path: Path, content: bytes, *, option: str) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InvalidInput(option, f"cannot write {path}: {error.strerror}") from None
