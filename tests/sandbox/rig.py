"""A sandbox in a process of its own, and a plain HTTP client that speaks to it as anybody would."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from notifier.sandbox.control import SandboxControl
from notifier.sandbox.effects import read_rows
from notifier.sandbox.options import APP_ID, APP_SECRET, DESIGNER_TEMPLATE

OPENID = "oLvqQwo25p5myELvO5VXj0k-7ngk"
CREDENTIAL = {"grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET}
_READY_WITHIN_S = 20
SEND = "/cgi-bin/message/template/send"


class Sandbox:
    """A running process, seen from outside."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        announcement = folder / "sandbox.json"
        announcement.unlink(missing_ok=True)
        command = [sys.executable, "-m", "notifier.sandbox", "--folder", str(folder), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + _READY_WITHIN_S
        while not announcement.exists():
            assert self.process.poll() is None, f"the sandbox ended with {self.process.returncode}"
            assert time.monotonic() < until, "the sandbox was not ready in time"
            time.sleep(0.01)
        self.addresses: dict[str, Any] = json.loads(announcement.read_bytes())
        self.control = SandboxControl(self.addresses["control_url"])
        self.http = httpx.Client(
            base_url=self.addresses["data_url"],
            verify=ssl.create_default_context(cafile=self.addresses["ca_file"]),
            timeout=10,
            trust_env=False,
        )

    def rows(self) -> list[dict[str, Any]]:
        """What is on disk."""
        return list(read_rows(Path(self.addresses["effects_file"])))

    def token(self) -> str:
        """A stable access token."""
        token: str = self.http.post("/cgi-bin/stable_token", json=CREDENTIAL).json()["access_token"]
        return token

    def send(self, token: str, **changes: Any) -> dict[str, Any]:
        """WeChat's answer to a send of the usual message with some fields changed."""
        answer: dict[str, Any] = self.raw_send(token, **changes).json()
        return answer

    def raw_send(self, token: str, **changes: Any) -> httpx.Response:
        """The same, not parsed."""
        return self.http.post(
            SEND, params={"access_token": token}, content=encoded(message(**changes))
        )

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End the process politely."""
        self.http.close()
        self.control.__exit__()
        self.process.terminate()
        self.process.wait(timeout=10)


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Sandbox]:
    """A sandbox for the length of a block."""
    sandbox = Sandbox(folder, *arguments)
    try:
        yield sandbox
    finally:
        sandbox.close()


def message(**changes: Any) -> dict[str, Any]:
    """A message that WeChat accepts, with some fields changed; None leaves one out."""
    usual = {
        "touser": OPENID,
        "template_id": DESIGNER_TEMPLATE,
        "data": {
            "keyword1": {"value": "1912136916313"},
            "keyword2": {"value": "2026-11-21 13:00:00"},
        },
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def encoded(payload: object) -> bytes:
    """JSON as WeChat wants it, real UTF-8."""
    return json.dumps(payload, ensure_ascii=False).encode()
