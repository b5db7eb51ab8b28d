"""Moments and durations as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.moment import LONGEST, parse_duration, parse_moment
from notifier.errors import InvalidInput

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T12:00:00+08:00", datetime(2026, 11, 21, 4, tzinfo=UTC)),
        ("2026-11-21 12:00:00", datetime(2026, 11, 21, 4, tzinfo=UTC)),
        ("2026-11-21T04:00:00Z", datetime(2026, 11, 21, 4, tzinfo=UTC)),
        ("1795262400", datetime.fromtimestamp(1795262400, UTC)),
        (" 1795262400.5 ", datetime.fromtimestamp(1795262400.5, UTC)),
    ],
)
def test_a_moment_is_read_in_its_zone_and_kept_in_utc(text: str, expected: datetime) -> None:
    moment = parse_moment("at", text, SHANGHAI)
    assert moment == expected
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "soon", "12", "2026-13-01", "1795262400000", "1969-12-31T00:00:00Z", "9999-12-31", "-1"],
)
def test_what_is_no_moment_is_refused_with_the_field_and_the_value(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^at: "):
        parse_moment("at", text, SHANGHAI)


@given(st.text(max_size=40) | st.datetimes().map(str) | st.from_regex(r"\d{1,12}(\.\d{1,5})?"))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        moment = parse_moment("at", text, SHANGHAI)
    except InvalidInput:
        return
    assert datetime(1970, 1, 1, tzinfo=UTC) < moment < datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("250ms", 0.25), ("5m", 300), ("1.5h", 5400), ("2d", 172800)],
)
def test_a_duration_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert parse_duration("delay", text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "-5", "5 minutes", "1e3", "s", "3w", "11000d", "9" * 12 + "d"]
)
def test_what_is_no_duration_is_refused_with_the_field(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^delay: "):
        parse_duration("delay", text)


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        duration = parse_duration("delay", text)
    except InvalidInput:
        return
    assert timedelta(0) <= duration <= LONGEST
