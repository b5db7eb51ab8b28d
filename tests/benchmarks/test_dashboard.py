"""The benchmark of the dashboard: what it weighs is the same on every machine, its paint is not."""

from __future__ import annotations

import json
import subprocess
import sys

from notifier.stack.layout import CHECKOUT


def test_the_page_is_painted_and_weighs_less_than_300_kb_over_the_wire() -> None:
    command = [sys.executable, "-m", "benchmarks.dashboard", "--rounds", "1", "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)

    assert done.returncode in (0, 1), done.stderr
    figures = json.loads(done.stdout)
    assert 0 < figures["first_paint_ms"] <= figures["content_ms"]
    assert 10 < figures["weight_kb"] < 300
    assert figures["answers"] > 10
