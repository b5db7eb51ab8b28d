"""Processes for the length of a round, each in a group of its own, ended with all its children."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

from notifier.errors import NotifierError

END_WITHIN_S = 30
POLL_S = 0.1


class BenchmarkError(NotifierError):
    """Something did not start, or did not come to its end."""


def wait_until(is_so: Callable[[], bool], within_s: float) -> bool:
    until_s = monotonic() + within_s
    while not is_so():
        if monotonic() > until_s:
            return False
        sleep(POLL_S)
    return True


@contextmanager
def started(
    command: Sequence[str], environ: Mapping[str, str], *, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environ, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        end(process)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
