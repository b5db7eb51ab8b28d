"""Servers, a sandbox and a fleet that nobody else uses, gone afterwards with all they held.

All of it blocks: nothing else is done meanwhile.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from notifier.errors import NotifierError
from notifier.sandbox.options import APP_ID, APP_SECRET
from notifier.stack import Stack

READY_WITHIN_S = 60


@contextmanager
def private_stack(parent: Path | None) -> Iterator[Stack]:
    """parent: the folder, and so the disk, that its own folder is made in."""
    folder = Path(tempfile.mkdtemp(prefix="notifier-benchmark-", dir=parent))
    stack = Stack(folder / "stack")
    try:
        stack.up()
        yield stack
    finally:
        stack.wipe()
        shutil.rmtree(folder)


@contextmanager
def running_sandbox(folder: Path) -> Iterator[Mapping[str, str]]:
    """What `notifier` needs in its environment to tell by it."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "notifier.sandbox", "--folder", str(folder)]
    announcement = folder / "sandbox.json"
    with _running(command, {}, folder / "log", is_ready=announcement.exists):
        addresses = json.loads(announcement.read_bytes())
        yield {
            "NOTIFIER_WECHAT_APP_ID": APP_ID,
            "NOTIFIER_WECHAT_APP_SECRET": APP_SECRET,
            "NOTIFIER_WECHAT_BASE_URL": addresses["data_url"],
            "NOTIFIER_WECHAT_CA_FILE": addresses["ca_file"],
        }


@contextmanager
def running_fleet(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    log = folder / "fleet.log"
    command = [sys.executable, "-m", "notifier", "run-consumers"]
    with _running(command, environment, log, is_ready=lambda: "fleet ready" in log.read_text()):
        yield


@contextmanager
def _running(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    is_ready: Callable[[], bool],
) -> Iterator[None]:
    """Raises NotifierError where it ends before it is ready."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotifierError(f"{' '.join(command)} is not ready: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
