"""The benchmark of the gateway, at a size whose figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys

from notifier.stack.layout import CHECKOUT


def test_everything_is_accepted_committed_and_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.gateway", "--json"]
    sizes = ["--single", "200", "--batched", "500"]
    done = subprocess.run(
        [*command, *sizes], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    single, batched = json.loads(done.stdout)
    assert (single["committed"], batched["committed"]) == (200, 500)
    assert min(single["servers_cpu_us"], batched["per_s"]) > 0
