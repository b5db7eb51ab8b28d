"""`notifier loadtest --channel webhook`: what it proves, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from notifier.loadtest.judge import Promise, Verdict, judge
from notifier.loadtest.plan import Plan
from notifier.loadtest.target import Receiver
from notifier.loadtest.webhooks import WebhookLoad
from notifier.settings import Settings
from tests.house import House
from tests.loadtest.test_command import accepted, load

COUNT, ENDPOINTS = 200, 20
PLAN = Plan(count=4, began=datetime(2026, 11, 21, 13, tzinfo=UTC), salt="ab12")
# Judging asks neither of them.
LOAD = WebhookLoad(
    plan=PLAN, endpoints=2, settings=cast(Settings, None), receiver=cast(Receiver, None)
)


def received(number: object, *, endpoint: int = 0, **changes: Any) -> Mapping[str, Any]:
    """A row of the sandbox's effects."""
    row = {
        "kind": "webhook",
        "path": f"/webhook/{PLAN.endpoint_prefix}{endpoint:03}",
        "received_at": 1.0,
        "wire_count": 1,
        "is_verified": True,
        "body": {"type": "notifier.loadtest", "data": {"number": number}},
    }
    return row | changes


def judged(*rows: Mapping[str, Any]) -> Verdict:
    promises = [
        Promise(order_no=PLAN.order_no(n), notification_id=f"id {n}", whom=LOAD.whom(n))
        for n in (0, 1)
    ]
    effects = [effect for row in rows if (effect := LOAD.effect_of(row)) is not None]
    return judge(promises, effects, prefix=LOAD.prefix)


def test_each_webhook_has_to_come_once_to_its_own_endpoint() -> None:
    good = received(0), received(1, endpoint=1)

    assert judged(*good, {"kind": "wechat"}).is_clean
    assert judged(good[0]).lost == LOAD.whom(1)
    assert judged(*good, received(1, endpoint=1)).doubled == LOAD.whom(1), "under another id"
    assert judged(good[0], received(1, endpoint=0)).lost == LOAD.whom(1)
    assert len(judged(*good, received(2)).unpromised) == 1


@pytest.mark.parametrize(
    "changes", [{"is_verified": False}, {"body": "text"}, {"body": {"data": [1]}}]
)
def test_what_cannot_be_verified_or_read_told_nobody(changes: dict[str, Any]) -> None:
    verdict = judged(received(0, **changes), received(1, endpoint=1))

    assert (verdict.lost, len(verdict.unpromised)) == (LOAD.whom(0), 1)


def test_nothing_is_lost_or_doubled_though_a_fifth_is_refused_at_first(staffed: House) -> None:
    staffed.sandbox.control.reset()
    ended, report = load(
        staffed,
        *("--channel", "webhook", "--count", str(COUNT)),
        *("--endpoints", str(ENDPOINTS), "--fail", "0.2"),
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    expected = {"clean": True, "accepted": COUNT, "sent": COUNT, "told": COUNT}
    nothing = {"dead": 0, "lost": 0, "doubled": 0, "unpromised": 0, "unsettled": 0}
    assert report.items() >= (expected | nothing).items()
    assert report["refusals"].keys() == {"http:500"}
    assert report["lateness_ms"]["as_received"]["1"]["count"] < COUNT
    assert f"{COUNT} webhooks to {ENDPOINTS} endpoints" in ended.stdout
    effects = [row for row in staffed.sandbox.rows() if row["kind"] == "webhook"]
    assert len({row["path"] for row in effects}) == ENDPOINTS
    assert all(row["is_verified"] for row in effects)
    assert staffed.rows("SELECT name FROM notifier_endpoint") == []


@pytest.mark.parametrize(
    ("arguments", "environment", "complaint"),
    [
        (["--channel", "push"], {"NOTIFIER_GATEWAY_PORT": "1"}, "channel: push needs a gateway"),
        (["--channel", "sms"], {}, "channel: 'sms' is none of wechat, webhook, push"),
        (["--endpoints", "5"], {}, "endpoints: 5 go with --channel webhook"),
        (["--channel", "webhook", "--endpoints", "0"], {}, "endpoints: 0 is not between 1"),
        (
            ["--channel", "webhook"],
            {"NOTIFIER_EGRESS_ALLOW_CIDRS": ""},
            '`eval "$(notifier sandbox env)"`',
        ),
        (["--channel", "webhook"], {"NOTIFIER_WEBHOOK_KEY": ""}, "NOTIFIER_WEBHOOK_KEY"),
    ],
)
def test_what_cannot_be_loaded_is_refused_and_nothing_is_published(
    staffed: House, arguments: list[str], environment: dict[str, str], complaint: str
) -> None:
    before = accepted(staffed)

    ended, _ = load(staffed, *arguments, **environment)

    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert accepted(staffed) == before
    assert staffed.rows("SELECT name FROM notifier_endpoint") == []
