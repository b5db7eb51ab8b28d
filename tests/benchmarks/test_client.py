"""The small benchmark of the outbound client."""

from __future__ import annotations

import subprocess
import sys

from notifier.stack.layout import CHECKOUT


def test_it_prints_what_a_request_costs_with_each_client() -> None:
    command = [sys.executable, "-m", "benchmarks.client", "--rounds", "2", "--requests", "64"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["egress", "aiohttp"]
