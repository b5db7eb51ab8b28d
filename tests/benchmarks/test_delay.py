"""The benchmark of the delay, run small: what it prints must be what happened."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from notifier.stack.layout import CHECKOUT

MESSAGES = 2_000


@pytest.mark.parametrize("mechanism", ["exchange", "queues"])
def test_all_messages_are_held_and_come_out_once_and_not_early(mechanism: str) -> None:
    command = [sys.executable, "-m", "benchmarks.delay", "--json", "--mechanism", mechanism]
    done = subprocess.run(
        [*command, "--messages", str(MESSAGES)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["clean"]
    assert report["broker"].startswith("RabbitMQ ")
    _check(report["mechanisms"][mechanism])


def _check(figures: dict[str, Any]) -> None:
    publish, punctuality, held = (figures[part] for part in ("publish", "punctuality", "held"))
    assert all(figure > 0 for figure in publish.values())
    # The first message of the paced run makes the hold queue and is not counted.
    assert punctuality["lateness"]["count"] == MESSAGES - 1
    assert held["messages"] == MESSAGES
    assert held["all_held"]
    assert held["hold_queues"] > 1
    assert held["paced"]["count"] + held["burst"]["count"] == MESSAGES
    assert held["publish_per_s"] > 0
    assert held["release_per_s"] > 0
    assert held["held"]["erlang"] > held["empty"]["erlang"] > 0
    assert held["most_resident_mb"] >= held["held"]["resident"] > 0
    for tally in (punctuality["tally"], held["tally"]):
        assert tally == {"lost": 0, "doubled": 0, "early": 0}
