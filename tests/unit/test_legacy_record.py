"""The `##` record as bytes of another program: what is read, what is refused, and how it reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.legacy_record import LARGEST, is_meant_as_record, read_record
from notifier.domain.order import FIELDS, parse_record
from notifier.errors import InvalidInput

TEXT = "1912136916313##150481##1795262400##oLvqQwo25p5myELvO5VXj0k-7ngk##李伟测试##13926"
GOOD = TEXT.encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(GOOD, id="as it is"),
        pytest.param(GOOD + b"\n", id="with a line's end"),
        pytest.param(b" " + GOOD + b"\r\n", id="with blanks around"),
    ],
)
def test_the_bytes_of_a_record_are_read(body: bytes) -> None:
    assert is_meant_as_record(body)
    assert read_record(body) == parse_record(TEXT)


def test_the_largest_record_there_can_be_is_read() -> None:
    parts = ("9" * 64, "9" * 18, "1795262400", "o" * 64, "🍜" * 64, "9" * 18)
    assert read_record("##".join(parts).encode()).designer_name == "🍜" * 64


@pytest.mark.parametrize(
    ("field", "body", "says"),
    [
        ("record", b"", "''"),
        ("record", b"hello world", "'hello world' has 1 fields"),
        ("record", b"1##2##3", "3 fields"),
        ("record", TEXT.replace("李伟", "李##伟").encode(), "7 fields"),
        ("record", TEXT.encode("gbk"), "is not UTF-8: byte 0xc0 at 65"),
        ("record", GOOD + b"\xff", "is not UTF-8: byte 0xff at"),
        ("record", TEXT.encode("utf-16"), "is not UTF-8: byte 0xff at 0"),
        ("record", GOOD + b" " * LARGEST, f"bytes are more than {LARGEST}"),
        ("order_no", b"\xef\xbb\xbf" + GOOD, r"'\ufeff1912136916313'"),
        ("order_no", GOOD.replace(b"1912136916313", b"a b"), "'a b'"),
        ("order_id", GOOD.replace(b"150481", b"15o481"), "'15o481'"),
        ("claim_deadline", GOOD.replace(b"1795262400", b"soon"), "'soon'"),
        ("claim_deadline", GOOD.replace(b"1795262400", b"1795262400000"), "milliseconds"),
        ("openid", GOOD.replace(b"oLvqQwo25p5myELvO5VXj0k-7ngk", b""), "is empty"),
        ("openid", GOOD.replace(b"oLvqQwo25p5myELvO5VXj0k-7ngk", b"o o"), "'o o'"),
        ("designer_name", TEXT.replace("李伟测试", " ").encode(), "is empty"),
        ("designer_name", TEXT.replace("李伟", "李\x00伟").encode(), "U+0000"),
        ("designer_id", GOOD.replace(b"13926", b"13,926"), "'13,926'"),
    ],
)
def test_a_bad_record_is_refused_with_field_and_value(field: str, body: bytes, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_record(body)
    assert caught.value.field == field
    assert says in str(caught.value)


@given(
    st.binary(max_size=2 * LARGEST)
    | st.lists(st.binary(max_size=40), max_size=8).map(b"##".join)
    | st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=4)).map(
        lambda cut: GOOD[: cut[0]] + cut[1] + GOOD[cut[0] :]
    )
)
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    assert refused_field(body) in {None, "record", *FIELDS}


def refused_field(body: bytes) -> str | None:
    try:
        read_record(body)
    except InvalidInput as error:
        return error.field
    return None


@pytest.mark.parametrize(
    ("body", "is_meant"),
    [
        (GOOD, True),
        (b"##", True),
        (b"1##2", True),
        (TEXT.encode("gbk"), True),
        (b"", False),
        (b"hello world", False),
        (b"# a comment", False),
        (b'{"order": "1##2"}', False),
        (b'  {"v": 1}', False),
        (b"[1 - 42] hello world 2026-11-21 12:00:00", False),
    ],
)
def test_what_was_meant_as_a_record_has_its_separator_and_is_no_json(
    body: bytes, is_meant: bool
) -> None:
    assert is_meant_as_record(body) is is_meant
