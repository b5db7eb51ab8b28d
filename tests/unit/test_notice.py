"""What may be asked for: every refusal names the field, the value and the remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier.domain.notice import Notice, Offer, submission_of
from notifier.domain.notice_document import parse_notice
from notifier.domain.notification import ChannelName, Role
from notifier.domain.payload import DEEPEST, LARGEST, parse_payload
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WEBHOOK = Notice(channel="webhook", recipient="https://merchant.example.com/notify?a=1")
WECHAT = Notice(
    channel="wechat",
    recipient="oLvqQwo25p5myELvO5VXj0k",
    template="ready",
    payload={"room": 1204, "dish": "豆浆"},
)
PUSH = Notice(channel="push", recipient="user-4711")


def check_url(url: str) -> None:
    if not url.startswith("https://"):
        raise InvalidInput("recipient", "does not begin with https://")


OFFER = Offer(
    ladders=("default", "alipay"),
    templates={ChannelName.WECHAT: {"ready": {"room", "dish", "accepted_at"}, "bye": set()}},
    check_url=check_url,
)


def asked(notice: Notice, **fields: Any) -> Submission:
    return submission_of(replace(notice, **fields), OFFER, now=NOW)


@pytest.mark.parametrize("notice", [WEBHOOK, WECHAT, PUSH], ids=lambda notice: notice.channel)
def test_every_channel_can_be_asked_for(notice: Notice) -> None:
    submission = asked(notice, order_no="1912136916313", ladder="alipay", delay=SECOND)
    assert submission.role is Role.RECIPIENT
    assert submission.order_book == "none"
    assert (submission.channel, submission.recipient) == (notice.channel, notice.recipient)
    assert (submission.template, submission.payload) == (notice.template, notice.payload)
    assert (submission.ladder, submission.delay) == ("alipay", SECOND)
    assert submission.dedupe_key is None


def test_a_key_makes_two_of_them_one() -> None:
    one, two = asked(WEBHOOK, idempotency_key="p-1"), asked(PUSH, idempotency_key="p-1")
    assert one.idempotency_key == "p-1"
    assert one.dedupe_key == two.dedupe_key != asked(PUSH, idempotency_key="p-2").dedupe_key
    assert len(one.dedupe_key or b"") == 32


def nested(depth: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(depth - 1):
        value = {"in": value}
    return value


REFUSALS: list[tuple[Notice, dict[str, object], str]] = [
    (WEBHOOK, {"channel": "sms"}, "channel: there is no 'sms'; there are wechat, webhook, push"),
    (WEBHOOK, {"channel": ""}, "channel: there is no ''; there are wechat"),
    (WEBHOOK, {"recipient": ""}, "recipient: is empty; webhook needs https://… or endpoint:NAME"),
    (WEBHOOK, {"recipient": "http://a.example"}, "recipient: does not begin with https://"),
    (WEBHOOK, {"recipient": "endpoint:"}, "recipient: 'endpoint:' is none; webhook needs"),
    (WEBHOOK, {"recipient": "endpoint:a b"}, "recipient: 'endpoint:a b' is none; webhook needs"),
    (WEBHOOK, {"recipient": "https://" + "x" * 2048}, "recipient: has 2056 characters, at most"),
    (WECHAT, {"recipient": "李伟"}, "recipient: '李伟' is none; wechat needs an openid, 5 to 64"),
    (PUSH, {"recipient": "a b"}, "recipient: 'a b' is none; push needs a user id"),
    (PUSH, {"recipient": "u" * 129}, "push needs a user id, 1 to 128"),
    (WECHAT, {"template": ""}, "template: wechat needs one; the settings have bye, ready"),
    (WECHAT, {"template": "nix"}, "template: there is no 'nix'; the settings have bye, ready"),
    (WEBHOOK, {"template": "a b"}, "template: 'a b' is not 1 to 64 letters"),
    (WECHAT, {"payload": {"room": 1}}, "payload.dish: is needed by template 'ready', as a text"),
    (WECHAT, {"payload": {"room": True, "dish": ""}}, "payload.room: is needed by template"),
    (WEBHOOK, {"payload": [1]}, "payload: is a JSON array, not an object such as {'amount'"),
    (WEBHOOK, {"payload": None}, "payload: is a JSON null, not an object"),
    (WEBHOOK, {"payload": {"a": "x" * LARGEST}}, "payload: has 65544 bytes, at most 65536; send a"),
    (WEBHOOK, {"payload": nested(DEEPEST + 1)}, ".in.in: is nested deeper than 16"),
    (WEBHOOK, {"payload": {"a": [{"b": 2**64}]}}, "payload.a[0].b: is a number of more than 64"),
    (WEBHOOK, {"payload": {"a": float("nan")}}, "payload.a: is nan, which JSON cannot say"),
    (WEBHOOK, {"payload": {"a": NOW}}, "payload.a: is datetime '2026-11-21 12:00:00+00:00', which"),
    (WEBHOOK, {"payload": {"a": "\ud800"}}, "payload.a: has half a character"),
    (WEBHOOK, {"payload": {1: 2}}, "payload: has the key 1, which is no text"),
    (WEBHOOK, {"order_no": "a b"}, "order_no: 'a b' is not 1 to 64"),
    (WEBHOOK, {"idempotency_key": " "}, "idempotency_key: is empty; leave it out, or"),
    (WEBHOOK, {"idempotency_key": "k" * 192}, "idempotency_key: has 192 characters, at most 191"),
    (WEBHOOK, {"idempotency_key": "a\nb"}, "idempotency_key: contains the control character"),
    (WEBHOOK, {"ladder": "nix"}, "ladder: there is no 'nix'; there are default, alipay"),
    (WEBHOOK, {"at": datetime(2026, 1, 1)}, "at: 2026-01-01 00:00:00 has no time zone; use an"),
    (WEBHOOK, {"at": datetime(2101, 1, 1, tzinfo=UTC)}, "is not between 1970 and 2100"),
    (WEBHOOK, {"at": NOW, "delay": SECOND}, "at: give either at or delay"),
    (WEBHOOK, {"delay": -SECOND}, "delay: -1 day, 23:59:59 is not between none and ten years"),
    (WEBHOOK, {"deadline": NOW}, "deadline: 2026-11-21T12:00:00+00:00 is not after the first"),
    (WEBHOOK, {"deadline": NOW + SECOND, "delay": SECOND}, "is not after the first attempt's"),
]


@pytest.mark.parametrize(("notice", "fields", "says"), REFUSALS)
def test_what_breaks_a_rule_is_refused_with_its_field(
    notice: Notice, fields: dict[str, object], says: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        asked(notice, **fields)
    assert says in str(caught.value)
    assert str(caught.value).startswith(caught.value.field)


def test_what_is_just_within_the_bounds_is_taken() -> None:
    payload = {"a": "x" * (LARGEST - len('{"a":""}'))}
    assert asked(WEBHOOK, payload=payload).payload == payload
    assert asked(WEBHOOK, payload=nested(DEEPEST)).payload == nested(DEEPEST)
    assert asked(WEBHOOK, recipient="endpoint:shop-1").recipient == "endpoint:shop-1"
    assert asked(WEBHOOK, idempotency_key="k" * 191)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "payload: is no JSON: Expecting property name enclosed in double quotes at line 1"),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ("[" * 100_000, "nested deeper than 16"),
        ('{"a": ' + "9" * 5000 + "}", "payload: is no JSON: "),
        ("x" * (2 * LARGEST + 1), "is larger than 65536 bytes"),
        (b'{"a": "\xff"}', "payload: is no JSON: "),
        ("3", "payload: is a JSON number"),
    ],
)
def test_a_payload_that_is_no_strict_json_is_refused(text: str | bytes, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_payload(text)
    assert says in str(caught.value)


def test_a_line_has_the_fields_of_a_notice() -> None:
    line = (
        '{"channel": "webhook", "recipient": "https://a.example", "template": "paid", '
        '"payload": {"amount": "12.50"}, "order_no": "7", "idempotency_key": "p-1", '
        '"delay": 90, "ladder": "alipay", "deadline": "2026-11-21T13:00:00", "at": null}'
    )
    assert parse_notice(line, UTC) == Notice(
        channel="webhook",
        recipient="https://a.example",
        template="paid",
        payload={"amount": "12.50"},
        order_no="7",
        idempotency_key="p-1",
        delay=90 * SECOND,
        ladder="alipay",
        deadline=datetime(2026, 11, 21, 13, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[]", "line: '[]' is no JSON object"),
        ('{"channel": "push"}', "recipient: is missing"),
        ('{"channel": "push", "to": "u"}', "to: there is no such field; there are channel, rec"),
        ('{"channel": 1, "recipient": "u"}', "channel: '1' is no text; put it in quotes"),
        ('{"channel": "push", "recipient": "u", "delay": true}', "delay: 'True' is neither"),
        ('{"channel": "push", "recipient": "u", "delay": "soon"}', "delay: 'soon' is no duration"),
        ('{"channel": "push", "recipient": "u", "at": "soon"}', "at: 'soon' is no time such as"),
        ('{"channel": "push", "recipient": "u", "payload": "{}"}', "payload: is a JSON text"),
        ('{"channel": "push", "recipient": "u"', "line: is no JSON: "),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_field(line: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_notice(line, UTC)
    assert says in str(caught.value)
