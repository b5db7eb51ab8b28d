"""`notifier loadtest` against real servers, a real sandbox and a real fleet."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.house import House

COUNT = 50
OURS = {"endpoint": "template_send", "match": {"openid": "oLT*"}}


def load(
    house: House, *arguments: str, **environment: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """The ended command and its JSON, {} if there is none."""
    report = house.folder / "report.json"
    report.unlink(missing_ok=True)
    changed = replace(house, environment=house.environment | environment)
    ended = changed.notifier(
        "loadtest", "--json", str(report), "--folder", str(house.folder / "ids"), *arguments
    )
    return ended, json.loads(report.read_bytes()) if report.exists() else {}


def accepted(house: House) -> int:
    return int(house.rows("SELECT COUNT(*) FROM notifier_notification")[0][0])


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"NOTIFIER_WECHAT_BASE_URL": "https://api.weixin.qq.com"}, "https://api.weixin.qq.com"),
        ({"NOTIFIER_WECHAT_BASE_URL": "https://127.0.0.1:1"}, "https://127.0.0.1:1"),
    ],
)
def test_a_target_that_is_not_the_sandbox_is_refused_and_nothing_is_published(
    house: House, environment: dict[str, str], what: str
) -> None:
    ended, _ = load(house, **environment)

    assert ended.returncode == 2
    assert what in ended.stderr
    assert "--target-is-mine" in ended.stderr
    assert accepted(house) == 0


def test_a_control_port_that_is_no_sandboxs_is_refused(house: House) -> None:
    ended, _ = load(house, "--control-url", house.sandbox.addresses["webhook_url"])

    assert ended.returncode == 1
    assert "sandbox" in ended.stderr
    assert accepted(house) == 0


def test_without_a_sandbox_the_way_to_one_is_told(house: House) -> None:
    environment = dict(house.environment)
    del environment["NOTIFIER_SANDBOX_CONTROL_URL"]

    ended = replace(house, environment=environment).notifier("loadtest")

    assert ended.returncode == 2
    assert "notifier sandbox" in ended.stderr


def test_without_a_fleet_nothing_is_published(house: House) -> None:
    ended, _ = load(house)

    assert ended.returncode == 1
    assert "start `notifier run-consumers`" in ended.stderr
    assert accepted(house) == 0


@pytest.mark.parametrize(
    "arguments", [["--rate", "many"], ["--rate", "0"], ["--count", "0"], ["--fail", "1.1"]]
)
def test_what_makes_no_sense_is_refused(house: House, arguments: list[str]) -> None:
    ended, _ = load(house, *arguments)

    assert ended.returncode == 2
    assert arguments[0].strip("-") in ended.stderr


def test_everybody_is_told_once_though_a_third_is_refused_at_first(staffed: House) -> None:
    theirs = {"match": {"openid": "oSomebodyElse"}, "action": "errcode:-1"}
    staffed.sandbox.control.script([theirs])

    page = staffed.folder / "report.html"

    ended, report = load(staffed, "--count", str(COUNT), "--fail", "0.3", "--html", str(page))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    expected = {"clean": True, "accepted": COUNT, "sent": 2 * COUNT, "told": 2 * COUNT}
    nothing = {"dead": 0, "lost": 0, "doubled": 0, "unpromised": 0, "unsettled": 0}
    assert report.items() >= (expected | nothing).items()
    assert report["refusals"].keys() == {"-1"}
    assert report["lateness_ms"]["as_received"]["1"]["count"] < 2 * COUNT
    assert report["lateness_ms"]["by_attempt_rows"]["1"]["count"] == 2 * COUNT
    assert report["lateness_ms"]["by_attempt_rows"]["3"]["count"] > 0
    assert len(Path(report["accepted_ids"]).read_text().splitlines()) == COUNT
    assert staffed.sandbox.control.script([], mode="add") == [{**theirs, "applied": 0}]
    assert "lost       0" in ended.stdout
    over_time = report["over_time"]
    assert sum(over_time["accepted"]) == sum(over_time["told"]) == 2 * COUNT
    assert f"load test {report['run']}" in page.read_text()
    assert "clean: everybody was told, once" in page.read_text()


def test_a_steady_rate_is_kept_whatever_the_quota(staffed: House) -> None:
    staffed.sandbox.control.reset()
    staffed.sandbox.control.behaviour(sends_per_day=10)

    ended, report = load(staffed, "--count", "40", "--rate", "40/s")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert report["accepting_s"] >= 0.9


def test_whoever_was_given_up_counts_as_lost(staffed: House) -> None:
    staffed.sandbox.control.script([{**OURS, "share": 0.3, "action": "errcode:40003"}])

    ended, report = load(staffed, "--count", str(COUNT))

    assert ended.returncode == 1
    assert not report["clean"]
    assert report["dead"] == report["lost"] > 0
    assert report["told"] + report["lost"] == 2 * COUNT
    assert "NOT CLEAN" in ended.stdout


def test_what_has_not_ended_in_time_is_told(staffed: House) -> None:
    staffed.sandbox.control.script([{**OURS, "share": 0.5, "action": "errcode:-1"}])

    ended, report = load(staffed, "--count", "20", "--timeout", "3")

    assert ended.returncode == 1
    assert report["unsettled"] > 0
    assert "NOT SETTLED" in ended.stdout
