"""`notifier loadtest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    "notifier loadtest --count 4000 --rate 200/s --json lateness.json    "
    "notifier loadtest --channel webhook --count 10000 --endpoints 100 --fail 0.2"
)
def loadtest(
    count: Annotated[
        int,
        typer.Option(help="Synthetic orders, of each of which two people are told; or webhooks."),
    ] = 500,
    channel: Annotated[str, typer.Option(help="wechat or webhook.")] = "wechat",
    endpoints: Annotated[
        int | None,
        typer.Option(
            help="With --channel webhook: that they go to in turn; default: 100.",
            show_default=False,
        ),
    ] = None,
    rate: Annotated[
        str | None, typer.Option(help="So many a second, evenly: 200 or 200/s; default: no limit.")
    ] = None,
    fail: Annotated[
        float, typer.Option(help="Share refused once, half of it twice: 0 to 1.", min=0, max=1)
    ] = 0.0,
    control_url: Annotated[
        str | None, typer.Option(help="The sandbox's; default: NOTIFIER_SANDBOX_CONTROL_URL.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(help="Seconds from the last one accepted to the last one settled.", min=0),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures there, too.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="For the file of accepted ids.")] = FOLDER,
    target_is_mine: Annotated[
        bool, typer.Option("--target-is-mine", help="Load a target that is not a sandbox.")
    ] = False,
) -> None:
    """Accept many synthetic orders or webhooks, wait until all have been told, and prove it.

    What was accepted is compared with the sandbox's effects on disk: each order's designer and
    publisher, or each webhook's endpoint, must have been told exactly once. Exit code 1 if anybody
    was lost or doubled, or if not all had come to an end in time. Orders go to a table of their
    own, notifier_loadtest_order, and the sandbox's quotas are lifted until its reset. Webhooks go
    to endpoints named loadtest-…, which are removed at the end; the sandbox verifies their
    signatures, and takes each webhook-id once.
    """
    from notifier.loadtest.report import lines_of
    from notifier.loadtest.run import LoadOptions
    from notifier.settings import read_settings

    given = {} if control_url is None else {"sandbox": {"control_url": control_url}}
    options = LoadOptions(
        channel=_channel(channel),
        endpoints=_endpoints(endpoints, channel),
        count=count,
        rate=None if rate is None else _per_second(rate),
        fail=fail,
        timeout_s=timeout,
        folder=folder,
        target_is_mine=target_is_mine,
    )
    report = _run(read_settings(**given), options)
    for line in lines_of(report):
        typer.echo(line)
    if json_file is not None:
        _write(report, json_file)
    if not report.is_clean:
        raise typer.Exit(1)


def _run(settings: Settings, options: LoadOptions) -> Report:
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
            return await run_load_test(settings, options, receiver, show=show)

    report: Report = uvloop.run(run())
    return report


def _channel(name: str) -> ChannelName:
    from notifier.domain.notification import ChannelName

    if name == ChannelName.PUSH:
        raise InvalidInput("channel", "'push' has nobody who receives it yet: load wechat, webhook")
    if name not in (ChannelName.WECHAT, ChannelName.WEBHOOK):
        raise InvalidInput("channel", f"{name!r} is none of wechat, webhook")
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


def _write(report: Report, path: Path) -> None:
    import orjson

    from notifier.loadtest.report import document_of

    try:
        path.write_bytes(orjson.dumps(document_of(report), option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise InvalidInput("json", f"cannot write {path}: {error.strerror}") from None
