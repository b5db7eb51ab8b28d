"""A stack and a gateway that nobody else uses, for the length of a measurement."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import orjson

from notifier.errors import NotifierError
from notifier.settings import Settings, read_settings
from notifier.stack import Stack

WITHIN_S = 60
_ADDRESS = re.compile(r"gateway on (\S+):(\d+)")


class BenchmarkError(NotifierError):
    """Something did not start, or did not come to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """pid: of the process that has the clients."""

    settings: Settings
    host: str
    port: int
    pid: int

    def rss_bytes(self) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise BenchmarkError(f"the gateway's process {self.pid} is gone")

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def built(clients: int) -> Iterator[House]:
    """clients: how many will come at once."""
    _raise_descriptors(clients + 500)
    folder = Path(tempfile.mkdtemp(prefix="notifier-benchmark-"))
    with ExitStack() as closing:
        closing.callback(shutil.rmtree, folder)
        stack = Stack(folder / "stack")
        closing.callback(stack.wipe)
        stack.up()
        for name in [name for name in os.environ if name.startswith("NOTIFIER_")]:
            del os.environ[name]
        os.environ.update(_environment(stack, folder, clients))
        for arguments in (["db", "upgrade"], ["topology", "apply"]):
            command = [sys.executable, "-m", "notifier", *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        host, port = _gateway(folder / "gateway.log", closing)
        yield House(settings=read_settings(), host=host, port=port, pid=_pid())


def _environment(stack: Stack, folder: Path, clients: int) -> dict[str, str]:
    most = str(clients + 100)
    return stack.environment() | {
        "NOTIFIER_FLEET_RUN_DIR": str(folder / "run"),
        "NOTIFIER_GATEWAY_CONNECTIONS": str(2 * clients + 100),
        "NOTIFIER_LIVE_MOST_CLIENTS": most,
        "NOTIFIER_LIVE_MOST_PER_ADDRESS": most,
        "NOTIFIER_LIVE_AUTH_S": "60",
        "NOTIFIER_LIVE_TICKET_S": "600",
    }


def _gateway(log: Path, closing: ExitStack) -> tuple[str, int]:
    with log.open("wb") as output:
        gateway = subprocess.Popen(
            [sys.executable, "-m", "notifier", "gateway", "--port", "0"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    closing.callback(gateway.wait)
    closing.callback(gateway.terminate)
    until = monotonic() + WITHIN_S
    while "fleet ready" not in log.read_text():
        if monotonic() > until or gateway.poll() is not None:
            raise BenchmarkError(f"the gateway did not start:\n{log.read_text()}")
        sleep(0.1)
    found = _ADDRESS.search(log.read_text())
    if found is None:
        raise BenchmarkError(f"the gateway does not say where it is:\n{log.read_text()}")
    return found[1], int(found[2])


def _pid() -> int:
    command = [sys.executable, "-m", "notifier", "status", "--json"]
    status = orjson.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return int(status["fleets"][0]["processes"][0]["pid"])


def _raise_descriptors(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchmarkError(f"{wanted} open files are needed, and `ulimit -Hn` is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
