"""What a pick-up reminder asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier.domain.notice import Notice
from notifier.domain.reminder import TEMPLATE, Reminder, notice_of
from notifier.errors import InvalidInput

NOW = datetime(2026, 11, 21, 23, 20, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
MINUTE = timedelta(minutes=1)
IN_TEN = Reminder(user="oLvqQwo25p5", channel="wechat", after=timedelta(milliseconds=10_000))
CALLED = Reminder(user="user-7", channel="webhook", to="endpoint:shop", at=NOW + 10 * MINUTE)


def asked(reminder: Reminder, **changes: Any) -> Notice:
    return notice_of(replace(reminder, **changes), now=NOW, zone=ZONE)


def test_so_many_milliseconds_from_now_are_the_seconds_of_its_text() -> None:
    notice = asked(IN_TEN)
    assert (notice.channel, notice.recipient, notice.template) == (
        "wechat",
        "oLvqQwo25p5",
        TEMPLATE,
    )
    assert (notice.at, notice.delay) == (None, timedelta(seconds=10))
    assert notice.payload == {
        "seconds": 10,
        "reserved_at": "2026-11-22 07:20:00",
        "pickup_at": "2026-11-22 07:20:10",
    }
    assert asked(IN_TEN, after=timedelta(milliseconds=1_500)).payload["seconds"] == 1.5


def test_who_is_called_for_somebody_gets_moments_for_programs_and_the_text() -> None:
    notice = asked(CALLED, order_no="4711")
    assert (notice.recipient, notice.order_no, notice.at) == (
        "endpoint:shop",
        "4711",
        NOW + 10 * MINUTE,
    )
    assert notice.payload == {
        "seconds": 600,
        "reserved_at": "2026-11-21T23:20:00.000Z",
        "pickup_at": "2026-11-21T23:30:00.000Z",
        "user": "user-7",
        "text": "你好,你在600秒前的预定的套餐,请到店内柜台前拿取",
    }


def test_a_time_after_a_reservation_is_a_moment() -> None:
    notice = asked(IN_TEN, reserved_at=NOW - MINUTE, after=5 * MINUTE)
    assert (notice.at, notice.delay) == (NOW + 4 * MINUTE, None)
    assert notice.payload["seconds"] == 300


def test_the_same_call_with_a_key_asks_for_the_same_later() -> None:
    reminder = replace(IN_TEN, reserved_at=NOW, idempotency_key="pickup-4711")
    later = notice_of(reminder, now=NOW + MINUTE, zone=ZONE)
    assert later == notice_of(reminder, now=NOW, zone=ZONE)


@pytest.mark.parametrize(
    ("reminder", "changes", "field"),
    [
        (IN_TEN, {"after": None}, "at"),
        (IN_TEN, {"at": NOW}, "at"),
        (CALLED, {"at": NOW - MINUTE}, "at"),
        (CALLED, {"reserved_at": NOW + 11 * MINUTE}, "at"),
        (CALLED, {"to": ""}, "to"),
        (IN_TEN, {"to": "endpoint:shop"}, "to"),
        (IN_TEN, {"idempotency_key": "pickup-4711"}, "reserved-at"),
    ],
)
def test_what_contradicts_itself_is_refused(
    reminder: Reminder, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        asked(reminder, **changes)
    assert refusal.value.field == field
