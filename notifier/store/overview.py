"""How everything stands, for a page that asks every second: no statement looks at every row.

Every count ends at a bound; `Count.more` says that there are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifier.domain.overview import (
    Beyond,
    Bucket,
    CalendarAhead,
    Count,
    Counts,
    Pace,
    TierCount,
)
from notifier.store.mysql import Database

MOST_OPEN = 10_000
"""Rows on their way that are looked up, by state; each is a look-up of a microsecond or two."""
MOST_COUNTED = 100_000
"""Entries of an index that are counted, about ten million a second."""
MOST_ATTEMPTS = 20_000
MOST_GIVEN_UP = 1_000
MOST_A_MINUTE, MOST_AN_HOUR = 2_000, 20_000
LOOK_BACK = timedelta(minutes=5)
LATE = timedelta(seconds=2)
"""What waits longer than this after its moment counts as overdue."""
FINENESS = 12
"""Buckets of lateness per factor e: a percentile is right within 8 %."""

_OPEN = " UNION ALL ".join(
    f"(SELECT state, tier, due_at FROM notifier_notification WHERE state = '{state}' "
    f"ORDER BY next_sweep_at LIMIT {MOST_OPEN + 1})"
    for state in ("waiting", "in_flight")
)
_STANDING = (
    "SELECT state, tier, COUNT(*), SUM(due_at < NOW(6) - INTERVAL %s SECOND) "
    f"FROM ({_OPEN}) AS open GROUP BY state, tier"
)
_COUNTED = " UNION ALL ".join(
    f"SELECT '{state}', COUNT(*) FROM (SELECT 1 FROM notifier_notification "
    f"WHERE state = '{state}' LIMIT {MOST_COUNTED + 1}) AS {state}_ones"
    for state in ("scheduled", "dead", "unknown")
)
# What has ended has no next_sweep_at, and within one the index goes by the id, so by acceptance.
_GIVEN_UP = (
    "SELECT tier, COUNT(*), SUM(settled_at > NOW(6) - INTERVAL %s MICROSECOND) "
    "FROM notifier_notification WHERE id IN (SELECT id FROM (SELECT id FROM notifier_notification "
    "WHERE state = 'dead' AND next_sweep_at IS NULL "
    f"ORDER BY id DESC LIMIT {MOST_GIVEN_UP}) AS newest) GROUP BY tier"
)
_NEWEST = (
    "SELECT tier, outcome, lateness_us, started_at FROM notifier_attempt "
    "WHERE started_at > NOW(6) - INTERVAL %s SECOND "
    f"ORDER BY started_at DESC LIMIT {MOST_ATTEMPTS}"
)
_PACE = (
    f"SELECT tier, outcome, FLOOR(LN(GREATEST(lateness_us, 1)) * {FINENESS}) AS fine, COUNT(*), "
    f"TIMESTAMPDIFF(MICROSECOND, MIN(started_at), NOW(6)) FROM ({_NEWEST}) AS newest "
    "GROUP BY tier, outcome, fine"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    starts: timedelta
    lasts: timedelta
    most: int


SLICES = (
    *(_Slice(starts=timedelta(minutes=n), lasts=timedelta(minutes=1), most=MOST_A_MINUTE)
      for n in range(60)),
    *(_Slice(starts=timedelta(hours=n), lasts=timedelta(hours=1), most=MOST_AN_HOUR)
      for n in range(1, 24)),
)  # fmt: skip


class OverviewRows:
    """Every method raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def on_their_way(self) -> list[TierCount]:
        """What waits in the broker or is under way."""
        rows = await self._database.fetch(_STANDING, [int(LATE.total_seconds())])
        total = {state: sum(r[2] for r in rows if r[0] == state) for state in _OPEN_STATES}
        return [
            TierCount(
                tier=tier,
                state=state,
                count=Count(number=count, more=total[state] > MOST_OPEN),
                overdue=int(overdue),
            )
            for state, tier, count, overdue in rows
        ]

    async def counts(self) -> Counts:
        """How much else there is."""
        counted = await self._database.fetch(_COUNTED)
        return Counts(**{state: _count(number) for state, number in counted})

    async def pace(self) -> Pace:
        """What the newest attempts came to: of some minutes, less where there were many."""
        rows = await self._database.fetch(_PACE, [int(LOOK_BACK.total_seconds())])
        total = sum(row[3] for row in rows)
        window = LOOK_BACK
        if total >= MOST_ATTEMPTS:
            window = timedelta(microseconds=max(row[4] for row in rows))
        cells = [(tier, outcome, int(fine), count) for tier, outcome, fine, count, _ in rows]
        return Pace(window=window, fineness=FINENESS, cells=cells)

    async def given_up(self, window: timedelta) -> dict[int, Count]:
        """How many ended dead within it, by the tier of their last attempt.

        Only those accepted last are looked at: where all of them ended within it, there are more.
        """
        rows = await self._database.fetch(_GIVEN_UP, [window // timedelta(microseconds=1)])
        more = sum(row[1] for row in rows) >= MOST_GIVEN_UP
        return {row[0]: Count(number=int(row[2]), more=more) for row in rows}

    async def calendar(self, *, lead: timedelta) -> CalendarAhead:
        """lead: how long before its moment the calendar hands a row over; see Places.lead."""
        ((now,),) = await self._database.fetch("SELECT NOW(6)")
        start = now.replace(second=0, microsecond=0)
        statement = " UNION ALL ".join(_slice_sql(n, each) for n, each in enumerate(SLICES))
        arguments: list[Any] = []
        for each in SLICES:
            begin = start + each.starts - lead
            arguments += [begin, begin + each.lasts]
        found: dict[int, int] = dict(await self._database.fetch(statement, arguments))
        overdue = await self._count("next_sweep_at < %s", [start - lead], MOST_AN_HOUR)
        later = await self._count(
            "next_sweep_at >= %s", [start + timedelta(hours=24) - lead], MOST_COUNTED
        )
        buckets = [
            Bucket(
                begins=start + each.starts,
                lasts=each.lasts,
                count=Count(number=min(found[n], each.most), more=found[n] > each.most),
            )
            for n, each in enumerate(SLICES)
        ]
        return CalendarAhead(now=now, buckets=buckets, beyond=Beyond(before=overdue, after=later))

    async def _count(self, condition: str, arguments: Sequence[datetime], most: int) -> Count:
        rows = await self._database.fetch(
            "SELECT COUNT(*) FROM (SELECT 1 FROM notifier_notification "
            f"WHERE state = 'scheduled' AND {condition} LIMIT {most + 1}) AS some",
            arguments,
        )
        return Count(number=min(rows[0][0], most), more=rows[0][0] > most)


_OPEN_STATES = ("waiting", "in_flight")


def _slice_sql(number: int, each: _Slice) -> str:
    return (
        f"SELECT {number}, COUNT(*) FROM (SELECT 1 FROM notifier_notification "
        "WHERE state = 'scheduled' AND next_sweep_at >= %s AND next_sweep_at < %s "
        f"LIMIT {each.most + 1}) AS s{number}"
    )


def _count(number: int) -> Count:
    return Count(number=min(number, MOST_COUNTED), more=number > MOST_COUNTED)
