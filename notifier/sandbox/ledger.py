"""What has been sent: repeats, message ids and quotas."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

_BEIJING_S = 8 * 3600
_DAY_S = 86_400


def beijing_day(now: float) -> int:
    """The number of the day in Beijing, where quotas begin anew at midnight."""
    return int(now + _BEIJING_S) // _DAY_S


def beijing_month(now: float) -> tuple[int, int]:
    """Year and month in Beijing."""
    there = time.gmtime(now + _BEIJING_S)
    return there.tm_year, there.tm_mon


class SendLedger:
    """Who was sent what under which client_msg_id; times are epoch seconds of its clock."""

    def __init__(self) -> None:
        self.effects = 0
        self.repeats: Counter[int] = Counter()
        self._earlier: dict[tuple[str, str], tuple[int, float]] = {}
        self._last_msgid = time.time_ns()
        self._calls: Counter[tuple[str, int]] = Counter()

    def earlier(self, key: tuple[str, str], now: float, *, window_s: int) -> int | None:
        """The msgid that this (openid, client_msg_id) already got within the window."""
        found = self._earlier.get(key)
        return found[0] if found and now - found[1] < window_s else None

    def next_msgid(self) -> int:
        """A new one, larger than any before and than 2^53, as WeChat's are 64-bit integers."""
        self._last_msgid += 1
        return self._last_msgid

    def remember(self, row: Mapping[str, Any], *, window_s: int) -> None:
        """Take an effect or a repeat into account, as it happens or from disk."""
        if row["kind"] == "repeat":
            self.repeats[row["msgid"]] += 1
            return
        msgid, now = row["msgid"], row["accepted_at"]
        self._last_msgid = max(self._last_msgid, msgid)
        self.effects += 1
        self.count("day", beijing_day(now))
        self.count("minute", int(now // 60))
        if row["client_msg_id"] is not None:
            self._earlier[row["openid"], row["client_msg_id"]] = (msgid, now)
            self._forget_before(now - window_s)

    def _forget_before(self, moment: float) -> None:
        # Insertion order is time order, except for ids used anew after their window; those stay
        # a little longer, which `earlier` does not mind.
        while self._earlier:
            oldest = next(iter(self._earlier))
            if self._earlier[oldest][1] >= moment:
                return
            del self._earlier[oldest]

    def count(self, period: str, number: int) -> None:
        """One more send in a day or a minute."""
        self._calls[period, number] += 1

    def spent_quota(self, now: float, *, per_minute: int, per_day: int) -> int | None:
        """The errcode if a limit is used up; 0 is no limit."""
        if per_minute and self._calls["minute", int(now // 60)] >= per_minute:
            return 45011
        if per_day and self._calls["day", beijing_day(now)] >= per_day:
            return 45009
        return None

    def clear_quota(self) -> None:
        """Begin the day's count anew."""
        self._calls.clear()
