"""What a fleet shows of itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from collections.abc import Callable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from notifier.stack import Stack
from tests.fleet.running import Fleet, Host, eventually


def test_status_shows_each_process_its_work_and_the_depths(
    standing_host: Host, standing: Fleet
) -> None:
    seen = eventually(lambda: _busy_status(standing_host), "work is counted")

    [shown] = seen["fleets"]
    assert (shown["name"], shown["host"], shown["pid"]) == (
        "default",
        socket.gethostname(),
        standing.pid,
    )
    assert seen["depths"] == {"1": 11, "3": 33}
    tier, second, _, calendar = shown["processes"]
    assert (tier["kind"], tier["tier"], tier["state"]) == ("tier", 1, "ready")
    assert (tier["generation"], tier["last_error"]) == (1, "nothing to speak of")
    assert (second["tier"], second["index"]) == (1, 2)
    assert tier["rate_per_s"] > 0
    assert 10e6 < tier["rss_bytes"] < 70e6
    assert (calendar["kind"], calendar["tally"]["sent"]) == ("calendar", 0)
    assert "only the fleets of this host are shown" in seen["problems"][0]


def test_status_for_people_has_a_line_for_each_process(
    standing_host: Host, standing: Fleet
) -> None:
    shown = standing_host.run("status")

    assert shown.returncode == 0
    assert f"supervisor {standing.pid} (" in shown.stdout
    assert "tier 1s/2 " in shown.stdout
    assert "calendar " in shown.stdout
    assert "tier 3s rests since" in shown.stdout
    assert "outbox: 0 rows wait, 0 were kept aside" in shown.stdout


def test_status_without_any_fleet_says_so(host: Host) -> None:
    shown = host.run("status")

    assert (shown.returncode, "no fleet runs" in shown.stdout) == (1, True)


def test_metrics_of_the_whole_fleet_are_on_one_port(host: Host) -> None:
    fleet = host.start("--metrics-port", "0", tiers="1,3").wait_ready()
    address = fleet.output().split("metrics on ")[1].split()[0]
    eventually(
        lambda: _sample(address, "notifier_outcomes_total", tier="1", outcome="sent"), "sent"
    )
    eventually(lambda: _sample(address, "notifier_up", fleet="default") == 1, "it is up")

    os.kill(fleet.tier(), signal.SIGKILL)
    before = _sample(address, "notifier_outcomes_total", tier="1", outcome="sent")
    eventually(lambda: _sample(address, "notifier_restarts_total", tier="1") == 1, "counted")

    assert _sample(address, "notifier_outcomes_total", tier="1", outcome="sent") >= before
    eventually(lambda: _sample(address, "notifier_processes_ready", tier="1") == 1, "back")
    late = _sample(address, "notifier_lateness_seconds_bucket", tier="3", le="0.005")
    assert late == _sample(address, "notifier_lateness_seconds_bucket", tier="3", le="+Inf") > 0


def test_a_question_that_is_none_gets_an_answer(standing_host: Host, standing: Fleet) -> None:
    path = str(standing_host.folder / "run" / "fleet-default.sock")
    for question in (b"nonsense\n", b'{"do": "__class__"}\n', b"[]\n", b"x" * 100_000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(question)
            answer = json.loads(connection.makefile("rb").readline())
        assert answer["ok"] is False
        assert "VERB one of status, reload, stop" in answer["error"]


def test_other_hosts_see_a_fleet_by_its_heartbeats(
    new_host: Callable[..., Host], stack: Stack
) -> None:
    url = stack.environment()["NOTIFIER_REDIS_URL"]
    here = new_host(NOTIFIER_REDIS_URL=url)
    elsewhere = new_host(NOTIFIER_REDIS_URL=url)
    fleet = here.start("--name", "far").wait_ready()

    seen = eventually(lambda: _fleet_named(elsewhere, "far"), "it is seen from elsewhere")
    assert seen["pid"] == fleet.pid
    assert {process["kind"] for process in seen["processes"]} == {"tier", "calendar"}

    assert here.run("stop", "--name", "far").returncode == 0
    assert _fleet_named(elsewhere, "far") is None


def _busy_status(host: Host) -> dict[str, Any] | None:
    seen: dict[str, Any] = json.loads(host.run("status", "--json").stdout)
    tiers = [p for fleet in seen["fleets"] for p in fleet["processes"] if p["tier"]]
    return seen if all(process["tally"]["sent"] > 0 for process in tiers) else None


def _fleet_named(host: Host, name: str) -> dict[str, Any] | None:
    seen: dict[str, Any] = json.loads(host.run("status", "--json").stdout)
    return next((fleet for fleet in seen["fleets"] if fleet["name"] == name), None)


def _sample(address: str, name: str, **labels: str) -> float:
    with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
        text = answer.read().decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    raise AssertionError(f"there is no {name} {labels} in\n{text}")
