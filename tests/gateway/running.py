"""A gateway in a process of its own, for tests to talk to."""

from __future__ import annotations

import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.house import House, json_of, wait_for

ADDRESS = re.compile(r"gateway on (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningGateway:
    """address: host:port. process: the supervisor. trust: for a certificate of a test's own."""

    house: House
    process: subprocess.Popen[bytes]
    address: str
    log: Path
    scheme: str = "http"
    trust: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}"

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, timeout=30, headers=headers, verify=self.trust or True
        )


@contextmanager
def started(house: House, *arguments: str, **environment: str) -> Iterator[RunningGateway]:
    """`notifier gateway` on a free port, ready; it is drained at the end."""
    with _started(house, ["gateway", "--port", "0", *arguments], environment) as gateway:
        yield gateway


@contextmanager
def started_with_fleet(
    house: House, *arguments: str, **environment: str
) -> Iterator[RunningGateway]:
    """`notifier run-consumers --with-gateway` on a free port."""
    command = ["run-consumers", "--with-gateway", *arguments]
    with _started(house, command, {"NOTIFIER_GATEWAY_PORT": "0", **environment}) as gateway:
        yield gateway


@contextmanager
def _started(
    house: House, arguments: list[str], environment: dict[str, str]
) -> Iterator[RunningGateway]:
    log = house.folder / f"gateway-{len(list(house.folder.glob('gateway-*.log')))}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "notifier", *arguments],
            env=house.environment | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=house.folder,
        )
    try:
        wait_for(lambda: "fleet ready" in log.read_text() or process.poll() is not None, 60)
        found = ADDRESS.search(log.read_text())
        assert process.poll() is None, log.read_text()
        assert found, log.read_text()
        scheme = "https" if "--cert" in arguments else "http"
        yield RunningGateway(house=house, process=process, address=found[1], log=log, scheme=scheme)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(45)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def new_key(house: House, name: str, *scopes: str) -> str:
    options = [word for scope in scopes for word in ("--scope", scope)]
    made = house.notifier("key", "add", name, *options, "--json")
    assert made.returncode == 0, made.stderr
    return str(json_of(made.stdout)["key"])
