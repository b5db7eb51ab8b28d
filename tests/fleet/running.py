"""A fleet in a process of its own, and the means to watch it from outside."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

ROOT = Path(__file__).parents[2]
DEADLINE_S = 40.0

T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, *, within_s: float = DEADLINE_S) -> T:
    """Look again until the answer is true."""
    deadline_s = time.monotonic() + within_s
    while not (seen := look()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"{what}: not within {within_s:g} s")
        time.sleep(0.02)
    return seen


class Host:
    """A folder that stands for a host: its run directory and the workers' files.

    Redis is away unless `environment` says where it is.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        self.started: list[subprocess.Popen[bytes]] = []
        own = {name: v for name, v in os.environ.items() if not name.startswith("NOTIFIER_")}
        self.environment = own | {
            "NOTIFIER_CHILD_WIRING": "tests.fleet.some_worker",
            "SOME_WORKER_FOLDER": str(self.work),
            "NOTIFIER_FLEET_RUN_DIR": str(folder / "run"),
            "NOTIFIER_FLEET_HEARTBEAT_S": "0.1",
            "NOTIFIER_REDIS_URL": "redis://127.0.0.1:1/0",
            "NOTIFIER_LOG_JSON_LINES": "true",
            "COLUMNS": "120",
            **environment,
        }

    def start(self, *arguments: str, tiers: str = "1") -> Fleet:
        """Run a fleet; returns at once."""
        output = (self.folder / f"output-{len(self.started)}").open("wb")
        with output:
            process = subprocess.Popen(
                [*COMMAND, "run-consumers", "--tiers", tiers, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.started.append(process)
        return Fleet(process, Path(output.name))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def tell_workers(self, file: str, text: str = "") -> None:
        (self.work / file).write_text(text)

    def work_of(self, pid: int) -> list[str]:
        """`begun` and `finished`, in order."""
        path = self.work / f"work-{pid}"
        return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []

    def released(self) -> list[str]:
        """Worker ids whose leases were given back."""
        path = self.work / "released"
        return path.read_text().split() if path.exists() else []

    def kill_all(self) -> None:
        for process in self.started:
            children = [] if process.poll() is not None else psutil.Process(process.pid).children()
            process.kill()
            process.wait(DEADLINE_S)
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()


COMMAND = [sys.executable, "-m", "tests.fleet.command"]


class Fleet:
    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.pid = process.pid
        self._output = output

    def output(self) -> str:
        return self._output.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of this event."""
        lines = [
            line
            for line in self.output().splitlines()
            if line.startswith("{") and line.endswith("}")
        ]
        return [entry for line in lines if (entry := json.loads(line))["event"] == name]

    def wait_ready(self) -> Fleet:
        def look() -> bool:
            assert self.process.poll() is None, self.output()
            return "fleet ready in" in self.output()

        eventually(look, "the fleet is ready")
        return self

    def wait_end(self, within_s: float = DEADLINE_S) -> int:
        """The exit code."""
        return self.process.wait(within_s)

    def children(self) -> dict[str, list[int]]:
        """Title to pids of the living."""
        found: dict[str, list[int]] = {}
        for child in psutil.Process(self.pid).children():
            if title := title_of(child.pid):
                found.setdefault(title, []).append(child.pid)
        return found

    def pids(self) -> set[int]:
        return {pid for pids in self.children().values() for pid in pids}

    def tier(self) -> int:
        """The pid of the one process of tier 1."""
        return eventually(lambda: self.children().get("notifier: tier 1s"), "tier 1 is there")[0]


def title_of(pid: int) -> str:
    """The title in the process list; empty for who is gone."""
    try:
        return " ".join(psutil.Process(pid).cmdline()).strip()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def is_alive(pid: int) -> bool:
    return bool(title_of(pid))
