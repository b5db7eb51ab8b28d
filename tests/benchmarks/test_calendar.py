"""The benchmark of the calendar, at a size whose figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys

from notifier.stack.layout import CHECKOUT


def test_everything_is_promoted_measured_and_told() -> None:
    command = [sys.executable, "-m", "benchmarks.calendar", "--json", "--mechanism", "exchange"]
    sizes = ["--few", "1000", "--many", "12000", "--rounds", "2", "--count", "100", "--horizon"]
    done = subprocess.run(
        [*command, *sizes, "2"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    (late,) = report["punctuality"]
    assert late["promoted"] == late["lateness"]["count"] == 100
    assert late["lateness"]["p99"] >= late["lateness"]["p50"] >= 0
    assert set(report["cost"]["us"]) == {"1000", "12000"}
    assert report["cost"]["ratio"] > 0
