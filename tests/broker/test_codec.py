from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.broker import codec
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role
from notifier.errors import DecodeError, UnknownVersion

MESSAGES = st.builds(
    Message,
    notification_id=st.uuids(),
    seq=st.integers(0, 2**63 - 1),
    attempt=st.integers(1, 2**31),
    tier=st.integers(1, 2**31),
    due_at=st.datetimes(timezones=st.just(UTC)),
    channel=st.sampled_from(ChannelName),
    role=st.sampled_from(Role),
    order_no=st.text(st.characters(exclude_categories=["Cs"]), max_size=255),
)

FIELDS: dict[str, Any] = {
    "v": 1,
    "notification_id": "0192aaaa-0000-7000-8000-00000000000a",
    "seq": 4,
    "order_no": "1912136916313",
    "channel": "wechat",
    "role": "designer",
    "attempt": 2,
    "tier": 5,
    "due_at": "2026-01-31T09:30:00.123456Z",
}


@given(MESSAGES)
def test_what_is_encoded_decodes_to_the_same(message: Message) -> None:
    assert codec.decode(codec.encode(message)) == message


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_decode_error(body: bytes) -> None:
    with pytest.raises((DecodeError, UnknownVersion)):
        codec.decode(body)


@given(
    st.sampled_from(sorted(FIELDS)),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=40) | st.integers(-5, 2**63),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    ),
)
def test_no_value_in_a_field_raises_anything_but_a_decode_error(name: str, value: object) -> None:
    with suppress(DecodeError, UnknownVersion):
        codec.decode(orjson.dumps({**FIELDS, name: value}))


def test_the_wire_format_is_what_the_design_names() -> None:
    message = codec.decode(orjson.dumps(FIELDS))

    assert message == Message(
        notification_id=UUID("0192aaaa-0000-7000-8000-00000000000a"),
        seq=4,
        order_no="1912136916313",
        channel=ChannelName.WECHAT,
        role=Role.DESIGNER,
        attempt=2,
        tier=5,
        due_at=datetime(2026, 1, 31, 9, 30, 0, 123456, tzinfo=UTC),
    )
    assert orjson.loads(codec.encode(message)) == FIELDS


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("v", None, "v: None"),
        ("v", "1", "v: '1'"),
        ("v", 0, "v: 0"),
        ("notification_id", "7", "notification_id: '7' is no UUID"),
        ("seq", -1, "seq: -1"),
        ("seq", True, "seq: True"),
        ("attempt", 0, "attempt: 0"),
        ("tier", 1.5, "tier: 1.5"),
        ("order_no", 7, "order_no: 7 is no text"),
        ("order_no", "7" * 256, "order_no: 256 characters"),
        ("channel", "fax", "channel: 'fax' is none of wechat"),
        ("role", "cook", "role: 'cook' is none of designer"),
        ("due_at", "tomorrow", "due_at: 'tomorrow'"),
        ("due_at", "2026-01-31T09:30:00", "due_at: '2026-01-31T09:30:00'"),
        ("due_at", "0001-01-01T00:00:00+23:59", "due_at: '0001-01-01T00:00:00+23:59' is out"),
    ],
)
def test_the_error_names_the_field_and_the_value(field: str, value: object, told: str) -> None:
    with pytest.raises(DecodeError) as raised:
        codec.decode(orjson.dumps({**FIELDS, field: value}))

    assert str(raised.value).startswith(told)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"1912136916313##150481", b"\xff"])
def test_what_is_no_json_object_is_a_decode_error_of_the_body(body: bytes) -> None:
    with pytest.raises(DecodeError, match=r"^body: "):
        codec.decode(body)


def test_a_body_that_is_too_long_is_not_even_parsed() -> None:
    with pytest.raises(DecodeError, match="65537 bytes"):
        codec.decode(b" " * (64 * 1024 + 1))


def test_a_newer_version_is_told_from_rubbish() -> None:
    with pytest.raises(UnknownVersion, match="2 is newer"):
        codec.decode(b'{"v": 2}')


def test_fields_that_a_newer_fleet_adds_are_ignored() -> None:
    assert codec.decode(orjson.dumps({**FIELDS, "colour": "red"})).seq == 4
