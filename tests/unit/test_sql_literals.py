"""Values become literals that nothing breaks out of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.errors import SettingsError
from notifier.store.sql import bound, literal, quoted

ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "Z": "\x1a", "'": "'", '"': '"', "\\": "\\"}


class Word(StrEnum):
    HOSTILE = "it's"


class Number(IntEnum):
    SEVEN = 7


def read_back(text: str) -> str:
    """A string literal as MySQL reads it; fails where the literal ends before its last quote."""
    assert text[0] == text[-1] == "'"
    assert len(text) >= 2
    read, characters = [], iter(text[1:-1])
    for character in characters:
        assert character != "'", f"the literal ends early: {text}"
        read.append(ESCAPES[next(characters)] if character == "\\" else character)
    return "".join(read)


@given(st.text(st.characters(codec="utf-8")) | st.text("\\'\"\0\n\r\x1a%;-# "))
@example("\\")
@example("\\'")
@example("' OR 1=1; DROP TABLE t; -- ")
@example("%s %d %(x)s %%")
def test_any_text_comes_back_and_never_leaves_its_quotes(value: str) -> None:
    assert read_back(literal(value)) == value


def test_half_a_character_becomes_a_question_mark() -> None:
    assert literal("a\ud83d'") == "'a?\\''"


@given(st.lists(st.text("\\'%s\0") | st.binary() | st.integers() | st.none(), min_size=1))
def test_a_value_is_never_taken_for_a_mark_of_a_later_one(values: list[object]) -> None:
    marks = " | ".join(["%s"] * len(values))
    assert bound(marks, values) == " | ".join(map(literal, values))


@given(st.binary(min_size=1))
def test_bytes_become_hexadecimal(value: bytes) -> None:
    text = literal(value)
    assert text.startswith("0x")
    assert bytes.fromhex(text[2:]) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "NULL"),
        (True, "1"),
        (False, "0"),
        (-7, "-7"),
        (0.5, "0.5"),
        (b"", "''"),
        (Number.SEVEN, "7"),
        (Word.HOSTILE, "'it\\'s'"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "'2026-01-02 03:04:05.000006'"),
    ],
)
def test_other_kinds_have_their_literals(value: object, expected: str) -> None:
    assert literal(value) == expected


def test_a_moment_of_another_zone_is_written_in_the_sessions() -> None:
    beijing = timezone(timedelta(hours=8))
    assert literal(datetime(2026, 11, 22, tzinfo=beijing)) == "'2026-11-21 16:00:00.000000'"


@pytest.mark.parametrize(
    "value",
    [
        uuid4(),
        timedelta(1),
        Decimal(1),
        [1],
        {"a": 1},
        object(),
        bytearray(b"x"),
        datetime(2026, 1, 1),
        float("nan"),
        float("inf"),
    ],
)
def test_what_has_no_certain_literal_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no SQL literal"):
        literal(value)


@pytest.mark.parametrize("name", ["tg_order_task", "shop.tg_order_task", "a1"])
def test_a_plain_name_is_quoted(name: str) -> None:
    assert quoted(name) == ".".join(f"`{part}`" for part in name.split("."))


@pytest.mark.parametrize(
    "name", ["", ".", "a.", "a b", "a`b", "a;b", "订单", "1a", "a-b", "x" * 65, "a\n"]
)
def test_a_name_that_could_break_out_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="no name of a table"):
        quoted(name)
