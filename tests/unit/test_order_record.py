"""The `##` record: what is read, what is refused, and how the refusal reads."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.order import (
    FIELDS,
    LARGEST_ID,
    LATEST_MOMENT,
    OrderRecord,
    parse_record,
)
from notifier.errors import InvalidInput

GOOD = "1912136916313##150481##1795262400##oLvqQwo25p5myELvO5VXj0k-7ngk##李伟测试##13926"

names = (
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=64)
    .filter(lambda name: name.strip() == name)
    .filter(lambda name: "##" not in name and not name.startswith("#") and not name.endswith("#"))
)


def test_a_good_record_is_read_field_by_field() -> None:
    assert parse_record(GOOD) == OrderRecord(
        order_no="1912136916313",
        order_id=150481,
        claim_deadline=datetime.fromtimestamp(1795262400, UTC),
        openid="oLvqQwo25p5myELvO5VXj0k-7ngk",
        designer_name="李伟测试",
        designer_id=13926,
    )


def test_a_line_ending_does_not_belong_to_the_record() -> None:
    assert parse_record(f"  {GOOD}\r\n") == parse_record(GOOD)


@given(
    order_no=st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}", fullmatch=True),
    order_id=st.integers(0, LARGEST_ID),
    deadline=st.integers(1, LATEST_MOMENT - 1),
    openid=st.from_regex(r"[0-9A-Za-z_-]{5,64}", fullmatch=True),
    name=names,
    designer_id=st.integers(0, LARGEST_ID),
)
def test_what_is_written_is_what_is_read(
    order_no: str, order_id: int, deadline: int, openid: str, name: str, designer_id: int
) -> None:
    text = "##".join((order_no, str(order_id), str(deadline), openid, name, str(designer_id)))
    assert parse_record(text) == OrderRecord(
        order_no=order_no,
        order_id=order_id,
        claim_deadline=datetime.fromtimestamp(deadline, UTC),
        openid=openid,
        designer_name=name,
        designer_id=designer_id,
    )


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("record", "", "1 fields"),
        ("record", "1##2##3", "3 fields"),
        ("record", GOOD + "##7", "7 fields"),
        ("order_no", GOOD.replace("1912136916313", ""), "''"),
        ("order_no", GOOD.replace("1912136916313", "a b"), "'a b'"),
        ("order_no", GOOD.replace("1912136916313", "9" * 65), "letters"),
        ("order_id", GOOD.replace("150481", "15o481"), "'15o481'"),
        ("order_id", GOOD.replace("150481", "-1"), "'-1'"),
        ("order_id", GOOD.replace("150481", "١٢٣"), "'١٢٣'"),
        ("order_id", GOOD.replace("150481", str(LARGEST_ID + 1)), str(LARGEST_ID)),
        ("order_id", GOOD.replace("150481", "9" * 5000), "no number"),
        ("claim_deadline", GOOD.replace("1795262400", "soon"), "'soon'"),
        ("claim_deadline", GOOD.replace("1795262400", "1795262400000"), "milliseconds"),
        ("claim_deadline", GOOD.replace("1795262400", "0"), "'0'"),
        ("claim_deadline", GOOD.replace("1795262400", ""), "''"),
        ("claim_deadline", GOOD.replace("1795262400", "0" * 19 + "1" + "9" * 20), "no time"),
        ("claim_deadline", GOOD.replace("1795262400", "0" * 19 + "1" + "9" * 5000), "no time"),
        ("openid", GOOD.replace("oLvqQwo25p5myELvO5VXj0k-7ngk", ""), "is empty"),
        ("openid", GOOD.replace("oLvqQwo25p5myELvO5VXj0k-7ngk", "o'; --"), "letters"),
        ("openid", GOOD.replace("oLvqQwo25p5myELvO5VXj0k-7ngk", "o" * 65), "letters"),
        ("designer_name", GOOD.replace("李伟测试", ""), "is empty"),
        ("designer_name", GOOD.replace("李伟测试", "   "), "is empty"),
        ("designer_name", GOOD.replace("李伟测试", "李" * 300), "300 characters"),
        ("designer_name", GOOD.replace("李伟测试", "李\x00伟"), "U+0000"),
        ("designer_name", GOOD.replace("李伟测试", "李\n伟"), "U+000A"),
        ("designer_name", GOOD.replace("李伟测试", "李\u2028伟"), "U+2028"),
        ("designer_name", GOOD.replace("李伟测试", "李\ud800伟"), "U+D800"),
        ("designer_id", GOOD.replace("13926", "13,926"), "'13,926'"),
        ("designer_id", GOOD.replace("13926", ""), "''"),
    ],
)
def test_a_bad_field_is_named_with_its_value(field: str, text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_record(text)
    assert caught.value.field == field
    assert says in str(caught.value)


@given(st.text(max_size=200) | st.lists(st.text(max_size=40), max_size=8).map("##".join))
def test_hostile_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    refused = refusal(text)
    if refused is not None:
        assert refused.field in {"record", *FIELDS}
        assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in str(refused))


@given(index=st.integers(0, 5), digits=st.text("0123456789", min_size=1, max_size=6000))
def test_any_number_of_digits_in_any_field_is_read_or_refused(index: int, digits: str) -> None:
    parts = GOOD.split("##")
    parts[index] = digits
    refused = refusal("##".join(parts))
    assert refused is None or refused.field == FIELDS[index]


def refusal(text: str) -> InvalidInput | None:
    try:
        parse_record(text)
    except InvalidInput as error:
        return error
    return None
