"""The benchmark of the store, at a size whose figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys

from notifier.stack.layout import CHECKOUT


def test_everything_is_accepted_claimed_recorded_and_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.store", "--json"]
    sizes = ["--count", "400", "--rounds", "1", "--others", "1000"]
    done = subprocess.run(
        [*command, *sizes], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    costs = {cost["what"]: cost for cost in json.loads(done.stdout)}
    assert list(costs) == ["accept", "dispatch", "refused", "claim", "sent", "run log", "plain"]
    assert all(cost["ours_us"] > 0 for cost in costs.values())
