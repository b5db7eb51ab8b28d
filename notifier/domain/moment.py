"""Moments and durations as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from notifier.domain.order import LATEST_MOMENT, shorten
from notifier.errors import InvalidInput

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)?")
LONGEST = timedelta(days=366 * 10)


def parse_duration(field: str, text: str) -> timedelta:
    """`90`, `90s`, `250ms`, `5m`, `1.5h`, `2d`; a bare number is seconds. Raises InvalidInput."""
    match = DURATION.fullmatch(text.strip())
    if not match:
        raise InvalidInput(field, f"{shorten(text)} is no duration such as 90s, 250ms, 5m, 1h, 2d")
    seconds = float(match[1]) * UNITS[match[2] or "s"]
    if seconds > LONGEST.total_seconds():
        raise InvalidInput(field, f"{shorten(text)} is longer than ten years")
    return timedelta(seconds=seconds)


def parse_moment(field: str, text: str, zone: tzinfo) -> datetime:
    """ISO 8601 (`2026-11-21T12:00:00+08:00`; in `zone` where none is given) or unix seconds.

    UTC. Raises InvalidInput.
    """
    text = text.strip()
    try:
        if re.fullmatch(r"\d{9,11}(\.\d+)?", text):
            moment = datetime.fromtimestamp(float(text), UTC)
        else:
            moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            field, f"{shorten(text)} is no time such as 2026-11-21T12:00:00+08:00 or 1795262400"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    if not 0 < moment.timestamp() < LATEST_MOMENT:
        raise InvalidInput(field, f"{shorten(text)} is not between 1970 and 2100")
    return moment.astimezone(UTC)
