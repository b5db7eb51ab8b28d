"""Spans of time as people say them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo

from notifier.domain.moment import parse_duration, parse_moment
from notifier.domain.order import shorten
from notifier.errors import InvalidInput

DAY = timedelta(days=1)
TAUGHT = "today, tomorrow, overdue, next:10m, 2026-11-21 (a day), FROM..TO (one may be left out)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From the one until before the other, UTC; None: no such bound.

    overdue: only what still waits.
    """

    since: datetime | None = None
    before: datetime | None = None
    overdue: bool = False


def span_of(due: str | None, *, before: str | None, zone: tzinfo, now: datetime) -> Span:
    """Of the options --due and --due-before; with both, what is in both. Raises InvalidInput."""
    span = parse_span("due", due, zone=zone, now=now) if due else Span()
    if not before:
        return span
    end = parse_moment("due-before", before, zone)
    return replace(span, before=min(span.before or end, end))


def parse_span(field: str, text: str, *, zone: tzinfo, now: datetime) -> Span:
    """What TAUGHT says, days and moments in `zone`. Raises InvalidInput."""
    text = text.strip()
    today = now.astimezone(zone).date()
    match text:
        case "today":
            return _day(today, zone)
        case "tomorrow":
            return _day(today + DAY, zone)
        case "overdue":
            return Span(before=now, overdue=True)
    if text.startswith("next:"):
        return Span(since=now, before=now + parse_duration(field, text.removeprefix("next:")))
    if ".." in text:
        return _between(field, text, zone)
    try:
        return _day(date.fromisoformat(text), zone)
    except (ValueError, OverflowError):
        raise InvalidInput(field, f"{shorten(text)} is none of: {TAUGHT}") from None


def _between(field: str, text: str, zone: tzinfo) -> Span:
    since, _, before = text.partition("..")
    span = Span(
        since=parse_moment(field, since, zone) if since.strip() else None,
        before=parse_moment(field, before, zone) if before.strip() else None,
    )
    if span.since is None and span.before is None:
        raise InvalidInput(field, f"{shorten(text)} has neither a beginning nor an end")
    if span.since is not None and span.before is not None and span.since >= span.before:
        raise InvalidInput(field, f"{shorten(text)} ends before it begins")
    return span


def _day(day: date, zone: tzinfo) -> Span:
    """From midnight to midnight, which is 23 or 25 hours where clocks are changed."""
    begins, ends = (datetime.combine(one, time(), zone) for one in (day, day + DAY))
    return Span(since=begins, before=ends)
