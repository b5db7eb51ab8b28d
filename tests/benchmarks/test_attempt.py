"""The benchmark of the attempt, at a size whose figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys

from notifier.stack.layout import CHECKOUT


def test_messages_that_are_told_and_such_that_are_told_again_are_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.attempt", "--json", "--count", "60"]
    done = subprocess.run(
        [*command, "--rounds", "1"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    costs = json.loads(done.stdout)
    assert [cost["what"] for cost in costs] == ["sent", "retried"]
    assert min(cost["us"] for cost in costs) > 0
