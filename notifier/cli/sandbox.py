"""`notifier sandbox`: the stand-in for WeChat and for merchants."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.app import app, private_folder
from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.sandbox.control import SandboxControl
    from notifier.sandbox.options import CallbackTarget

sandbox_app = typer.Typer(
    no_args_is_help=True,
    help="A stand-in for WeChat and for webhook receivers, with faults on demand.",
)
app.add_typer(sandbox_app, name="sandbox")

Folder = Annotated[
    Path,
    typer.Option(help="Effects, certificates, addresses."),
]
DEFAULT = private_folder() / "sandbox"
LOOPBACK = "127.0.0.0/8"
"""Webhooks to the sandbox go there; else nothing that is not public may be called."""
SCRIPT_HELP = (
    "Rules as JSON, or a file with them: "
    '[{"endpoint":"template_send","action":"errcode:-1","times":2,"per":"openid"}]'
)


@sandbox_app.command(epilog='Example:  notifier sandbox run & eval "$(notifier sandbox env)"')
def run(
    folder: Folder = DEFAULT,
    script: Annotated[str | None, typer.Option(help=SCRIPT_HELP)] = None,
    data_port: Annotated[int, typer.Option(help="HTTPS, as WeChat; 0: any free one.")] = 0,
    control_port: Annotated[int, typer.Option(help="Faults and inspection; loopback only.")] = 0,
    webhook_port: Annotated[int, typer.Option(help="HTTP, as a merchant.")] = 0,
    certificate: Annotated[
        str, typer.Option(help="good, expired, wrong_host or self_signed")
    ] = "good",
    callback: Annotated[
        str | None,
        typer.Option(
            help="Tell this address what became of each send, as WeChat does: "
            "http://127.0.0.1:9501/wechat/callback of a gateway.",
            metavar="URL",
        ),
    ] = None,
    callback_token: Annotated[
        str | None, typer.Option(help="Signs it; default: what `sandbox env` tells the gateway.")
    ] = None,
    callback_key: Annotated[
        str, typer.Option(help="The EncodingAESKey of the safe mode; without it: plain.")
    ] = "",
) -> None:
    """Serve until Ctrl-C. Every effect is on disk before its answer.

    --callback sends a receipt of success for each; a rule makes a share of them fail, late or
    double, as '[{"share":0.1,"action":"receipt:failed:user block"}]'. So too: receipt:failed:
    system failed, receipt_after:MS, receipt_twice, no_receipt, receipt_forged.
    """
    from notifier.sandbox.options import CertificateMode, SandboxOptions
    from notifier.sandbox.script import read_script
    from notifier.sandbox.server import run as serve

    if certificate not in list(CertificateMode):
        raise InvalidInput(
            "certificate", f"{certificate!r} is none of {', '.join(CertificateMode)}"
        )
    serve(
        SandboxOptions(
            folder=folder,
            script=read_script(script),
            data_port=data_port,
            control_port=control_port,
            webhook_port=webhook_port,
            certificate=CertificateMode(certificate),
            callback=_callback(callback, callback_token, callback_key),
        )
    )


@sandbox_app.command()
def env(folder: Folder = DEFAULT) -> None:
    """Print the settings that point a fleet at the running sandbox, for a shell.

    They let webhooks reach this machine's loopback: not for a fleet that calls anybody else.
    """
    from notifier.sandbox.options import APP_ID, APP_SECRET, CALLBACK_TOKEN

    addresses = _addresses(folder)
    values = {
        "NOTIFIER_WECHAT_APP_ID": APP_ID,
        "NOTIFIER_WECHAT_APP_SECRET": APP_SECRET,
        "NOTIFIER_WECHAT_BASE_URL": addresses["data_url"],
        "NOTIFIER_WECHAT_CA_FILE": str(Path(addresses["ca_file"]).absolute()),
        "NOTIFIER_WECHAT_CALLBACK_TOKEN": CALLBACK_TOKEN,
        "NOTIFIER_WEBHOOK_CA_FILE": str(Path(addresses["ca_file"]).absolute()),
        "NOTIFIER_EGRESS_ALLOW_CIDRS": LOOPBACK,
        "NOTIFIER_EGRESS_PORTS": "",  # any
        "NOTIFIER_SANDBOX_CONTROL_URL": addresses["control_url"],
    }
    for name, value in values.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@sandbox_app.command()
def script(
    rules: Annotated[str, typer.Argument(help=SCRIPT_HELP)], folder: Folder = DEFAULT
) -> None:
    """Put rules into force in the running sandbox, in place of all others; [] ends them."""
    from notifier.sandbox.script import read_script

    with _control(folder) as control:
        typer.echo(f"rules in force: {len(control.script(read_script(rules)))}")


@sandbox_app.command()
def effects(folder: Folder = DEFAULT) -> None:
    """Print what really reached somebody, one JSON object a line."""
    import orjson

    with _control(folder) as control:
        for row in control.effects():
            typer.echo(orjson.dumps(row).decode())


@sandbox_app.command()
def reset(folder: Folder = DEFAULT) -> None:
    """Forget effects, tokens and rules."""
    with _control(folder) as control:
        control.reset()
    typer.echo("reset")


def _callback(url: str | None, token: str | None, key: str) -> CallbackTarget | None:
    from notifier.sandbox.options import CALLBACK_TOKEN, CallbackTarget

    if url is None:
        if token is not None or key:
            raise InvalidInput("callback", "say with --callback who is to be told")
        return None
    return CallbackTarget(url=url, token=CALLBACK_TOKEN if token is None else token, key=key)


def _control(folder: Path) -> SandboxControl:
    from notifier.sandbox.control import SandboxControl

    return SandboxControl(str(_addresses(folder)["control_url"]))


def _addresses(folder: Path) -> dict[str, Any]:
    import orjson

    try:
        addresses: dict[str, Any] = orjson.loads((folder / "sandbox.json").read_bytes())
    except OSError:
        raise InvalidInput(
            "folder", f"no sandbox runs in {folder}; start one with `notifier sandbox run`"
        ) from None
    return addresses
