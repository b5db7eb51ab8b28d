"""Spans of time as people say them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from notifier.domain.due import parse_span, span_of
from notifier.errors import InvalidInput

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 21, 17, 30, tzinfo=UTC)
"""01:30 of the 22nd in Shanghai."""


@pytest.mark.parametrize(
    ("text", "since", "before"),
    [
        ("today", "2026-11-22T00:00+08:00", "2026-11-23T00:00+08:00"),
        ("tomorrow", "2026-11-23T00:00+08:00", "2026-11-24T00:00+08:00"),
        ("2026-11-30", "2026-11-30T00:00+08:00", "2026-12-01T00:00+08:00"),
        ("overdue", None, "2026-11-21T17:30+00:00"),
        ("next:10m", "2026-11-21T17:30+00:00", "2026-11-21T17:40+00:00"),
        ("2026-11-22 08:00..1795392000", "2026-11-22T00:00+00:00", "2026-11-23T00:00+00:00"),
        ("2026-11-22..", "2026-11-22T00:00+08:00", None),
        ("..2026-11-22 12:00", None, "2026-11-22T12:00+08:00"),
    ],
)
def test_a_span_is_read_in_the_time_zone(text: str, since: str | None, before: str | None) -> None:
    span = parse_span("due", text, zone=SHANGHAI, now=NOW)
    assert span.since == (datetime.fromisoformat(since) if since else None)
    assert span.before == (datetime.fromisoformat(before) if before else None)
    assert span.overdue is (text == "overdue")


def test_a_day_on_which_clocks_are_changed_has_its_hours() -> None:
    span = parse_span("due", "2026-10-25", zone=ZoneInfo("Europe/Berlin"), now=NOW)
    assert span.since is not None
    assert span.before is not None
    assert (span.before.astimezone(UTC) - span.since.astimezone(UTC)).total_seconds() == 25 * 3600


@pytest.mark.parametrize(
    "text",
    ["", "soon", "next:", "next:soon", "..", "2026-11-22..2026-11-21", "x..y", "9999-12-31"],
)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="due: "):
        parse_span("due", text, zone=SHANGHAI, now=NOW)


def test_two_ends_are_the_nearer_one() -> None:
    both = span_of("today", before="2026-11-22 12:00", zone=SHANGHAI, now=NOW)
    assert both.before == datetime(2026, 11, 22, 12, tzinfo=SHANGHAI)
    later = span_of("today", before="2026-12-22 12:00", zone=SHANGHAI, now=NOW)
    assert later.before == datetime(2026, 11, 23, tzinfo=SHANGHAI)
