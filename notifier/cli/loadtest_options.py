"""The options of `notifier loadtest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Count = Annotated[
    int,
    typer.Option(
        help="Synthetic orders, of each of which two people are told, webhooks or pushes."
    ),
]
Channel = Annotated[str, typer.Option(help="wechat, webhook or push.")]
Endpoints = Annotated[
    int | None,
    typer.Option(
        help="With --channel webhook: that they go to in turn; default: 100.", show_default=False
    ),
]
Rate = Annotated[
    str | None, typer.Option(help="So many a second, evenly: 200 or 200/s; default: no limit.")
]
Fail = Annotated[
    float, typer.Option(help="Share refused once, half of it twice: 0 to 1.", min=0, max=1)
]
ControlUrl = Annotated[
    str | None, typer.Option(help="The sandbox's; default: NOTIFIER_SANDBOX_CONTROL_URL.")
]
Timeout = Annotated[
    float | None,
    typer.Option(help="Seconds from the last one accepted to the last one settled.", min=0),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write all figures there, too.")]
HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", help="Write a page there: throughput over time, lateness by tier."),
]
Folder = Annotated[Path, typer.Option(help="For the file of accepted ids.")]
TargetIsMine = Annotated[
    bool, typer.Option("--target-is-mine", help="Load a target that is not a sandbox.")
]
