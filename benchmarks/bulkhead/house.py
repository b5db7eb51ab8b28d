"""A stack, a sandbox and a fleet that nobody else uses, for the length of a measurement."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from notifier.errors import NotifierError
from notifier.sandbox.control import SandboxControl
from notifier.settings import Settings, read_settings
from notifier.stack import Stack

WITHIN_S = 60


class BenchmarkError(NotifierError):
    """Something did not start, or did not come to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """url: where the sandbox receives webhooks, whatever comes behind it."""

    settings: Settings
    sandbox: SandboxControl
    url: str


@contextmanager
def built(parent: Path | None) -> Iterator[House]:
    """parent: the folder, and so the disk, to build in; None for the system's temporary one."""
    folder = Path(tempfile.mkdtemp(prefix="notifier-benchmark-", dir=parent))
    with ExitStack() as closing:
        closing.callback(shutil.rmtree, folder)
        stack = Stack(folder / "stack")
        closing.callback(stack.wipe)
        stack.up()
        addresses = _sandbox(folder / "sandbox", closing)
        environment = _environment(stack, addresses, folder)
        os.environ.update(environment)
        for arguments in (["db", "upgrade"], ["topology", "apply"]):
            command = [sys.executable, "-m", "notifier", *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        _fleet(folder / "fleet.log", closing)
        sandbox = closing.enter_context(SandboxControl(addresses["control_url"]))
        url = f"{addresses['data_url']}/webhook/"
        yield House(settings=read_settings(), sandbox=sandbox, url=url)


def _environment(stack: Stack, addresses: dict[str, Any], folder: Path) -> dict[str, str]:
    for name in [name for name in os.environ if name.startswith("NOTIFIER_")]:
        del os.environ[name]
    return stack.environment() | {
        "NOTIFIER_FLEET_RUN_DIR": str(folder / "run"),
        "NOTIFIER_WEBHOOK_CA_FILE": addresses["ca_file"],
        "NOTIFIER_WEBHOOK_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "NOTIFIER_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
        "NOTIFIER_EGRESS_PORTS": "",
        "NOTIFIER_LOG_CONSOLE": "false",
    }


def _sandbox(folder: Path, closing: ExitStack) -> dict[str, Any]:
    announcement = folder / "sandbox.json"
    command = [sys.executable, "-m", "notifier.sandbox", "--folder", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    closing.callback(_end, process)
    _wait(process, announcement.exists, "the sandbox")
    addresses: dict[str, Any] = json.loads(announcement.read_bytes())
    return addresses


def _fleet(log: Path, closing: ExitStack) -> None:
    with log.open("wb") as output:
        command = [sys.executable, "-m", "notifier", "run-consumers"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    closing.callback(_end, process)
    _wait(process, lambda: "fleet ready" in log.read_text(), "the fleet")


def _wait(process: subprocess.Popen[bytes], is_ready: Callable[[], bool], who: str) -> None:
    until_s = monotonic() + WITHIN_S
    while not is_ready():
        if process.poll() is not None or monotonic() > until_s:
            raise BenchmarkError(f"{who} did not start (exit code {process.poll()})")
        sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
