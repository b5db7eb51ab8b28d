"""The JSON body: pure, without a server."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.channels.wechat import WechatTemplate
from notifier.channels.wechat.message import client_msg_id, encode
from notifier.channels.wechat.verdict import BEIJING
from notifier.domain.notification import Role, new_id
from notifier.errors import InvalidInput
from tests.channels.rig import notification


def shown(fields: dict[str, str], **changes: Any) -> dict[str, str]:
    """What the template's keys show."""
    template = WechatTemplate(template_id="T", fields=fields)
    body = encode(notification(**changes), {"designer": template}, time_zone=BEIJING)
    return {key: entry["value"] for key, entry in orjson.loads(body)["data"].items()}


def test_the_id_is_the_same_for_every_attempt_and_of_26_letters_and_digits() -> None:
    one = UUID("019aa5c0-0000-7000-8000-000000000001")

    assert client_msg_id(one) == client_msg_id(UUID(str(one)))
    assert client_msg_id(one) == "uzw4ivxc6dg6vjdg5tt5ibjagt"
    assert len({client_msg_id(one, resends) for resends in range(3)}) == 3
    assert re.fullmatch(r"[a-z2-7]{26}", client_msg_id(one))
    assert len({client_msg_id(new_id()) for _ in range(10_000)}) == 10_000


def test_every_attempt_shows_the_time_of_the_dispatch() -> None:
    fields = {"keyword2": "{dispatched_at}"}

    first, last = shown(fields, attempt=1), shown(fields, attempt=5)

    assert first == last == {"keyword2": "2026-11-22 00:30:05"}


def test_times_are_shown_in_the_zone_of_the_settings() -> None:
    template = WechatTemplate(template_id="T", fields={"time2": "{accepted_at}"})
    accepted = notification(accepted_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    body = encode(accepted, {"designer": template}, time_zone=ZoneInfo("Europe/Berlin"))

    assert orjson.loads(body)["data"]["time2"]["value"] == "2026-01-02 04:04:05"


def test_the_payload_fills_in_and_cannot_pose_as_the_order() -> None:
    fields = {"thing1": "{what}, {count} × {price}", "keyword1": "{order_no}"}
    payload = {"what": "包子", "count": 2, "price": 1.5, "order_no": "forged"}

    assert shown(fields, payload=payload) == {
        "thing1": "包子, 2 × 1.5",
        "keyword1": "1912136916313",
    }


def test_braces_in_a_value_are_text() -> None:
    payload = {"text": "{order_no} {0.__class__} {"}

    assert shown({"keyword1": "{text}"}, payload=payload) == {"keyword1": payload["text"]}


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    assert shown({"keyword1": "{text}"}, payload={"text": text}) == {"keyword1": text}


def test_the_bytes_are_utf8_without_escapes() -> None:
    template = WechatTemplate(template_id="T", fields={"keyword1": "{text}"})
    told = notification(payload={"text": "早餐好了 🥟"})

    body = encode(told, {"designer": template}, time_zone=BEIJING)

    assert "早餐好了 🥟".encode() in body
    assert b"\\u" not in body


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"template": "wedding"}, "template: 'wedding' is not in the settings; known: designer"),
        ({"role": Role.PUBLISHER}, "template: 'publisher' is not in the settings; known: designer"),
        ({"recipient": ""}, "recipient: is empty, an openid is needed"),
        ({"payload": {}}, "keyword1: needs {text}: the notification has no text or number"),
        ({"payload": {"text": ["a"]}}, "keyword1: needs {text}"),
        ({"payload": {"text": True}}, "keyword1: needs {text}"),
        ({"payload": {"text": "a\x00b"}}, "keyword1: contains the control character U+0000"),
        ({"payload": {"text": "a\x1bb"}}, "keyword1: contains the control character U+001B"),
        ({"payload": {"text": "\ud800"}}, "payload: cannot be written as UTF-8"),
    ],
)
def test_what_can_never_be_sent_is_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        shown({"keyword1": "{text}"}, **changes)

    assert str(caught.value).startswith(complaint)


def test_a_dispatch_time_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"keyword2: needs \{dispatched_at\}"):
        shown({"keyword2": "{dispatched_at}"}, dispatched_at=None, accepted_at=None)


@pytest.mark.parametrize(
    ("key", "longest", "too_long"),
    [
        ("thing1", "早" * 20, "早" * 21),
        ("character_string2", "A-1" * 10 + "zz", "a" * 33),
        ("const3", "c" * 20, "c" * 21),
        ("phone_number4", "+86 138-0000-0000", "+86 138-0000-00001"),
        ("car_number5", "粤A8Z888挂", "粤A8Z888挂挂挂"),
        ("number6", "9" * 32, "9" * 33),
        ("letter7", "a" * 32, "a" * 33),
        ("symbol8", "*****", "******"),
        ("amount9", "¥9999999999.99元", "¥99999999999"),
        ("name10", "张" * 10, "张" * 11),
        ("name11", "a" * 20, "a" * 21),
        ("phrase12", "已经完成了", "已经全完成了"),
        ("keyword13", "k" * 500, None),
        ("first", "f" * 500, None),
    ],
)
def test_a_typed_keys_rule_is_checked_before_sending(
    key: str, longest: str, too_long: str | None
) -> None:
    assert shown({key: "{v}"}, payload={"v": longest}) == {key: longest}
    if too_long is not None:
        with pytest.raises(InvalidInput, match=f"{key}: .* WeChat's rule"):
            shown({key: "{v}"}, payload={"v": too_long})
        with pytest.raises(InvalidInput, match=key):
            shown({key: "{v}"}, payload={"v": ""})


@pytest.mark.parametrize(
    ("key", "value"),
    [("number1", "12a"), ("letter1", "早"), ("amount1", "12,345.00"), ("phrase1", "done")],
)
def test_a_typed_keys_kind_is_checked_before_sending(key: str, value: str) -> None:
    with pytest.raises(InvalidInput, match="WeChat's rule"):
        shown({key: "{v}"}, payload={"v": value})
