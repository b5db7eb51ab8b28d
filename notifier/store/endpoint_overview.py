"""How the endpoints do, those first that need somebody, and what is held back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from notifier.domain.overview import Count, EndpointsSeen
from notifier.store.endpoints import SOURCE, STANDING, standing_of
from notifier.store.mysql import Database
from notifier.store.pauses import LIVE

MOST = 200
MOST_HELD = 20_000
"""Rows that are looked at, of those that come soon and of each rest's end."""
MOST_ENDS = 20
_ROW = "SELECT recipient, channel, reason AS why, claimed_at FROM notifier_notification"
# What is held back, or rests without an end, comes again soon; what is due much later is not read.
_SOON = (
    f"({_ROW} WHERE state = 'scheduled' AND next_sweep_at < NOW(6) + INTERVAL 10 MINUTE "
    f"ORDER BY next_sweep_at LIMIT {MOST_HELD + 1})"
)
_AT_AN_END = f"({_ROW} WHERE state = 'scheduled' AND next_sweep_at = %s LIMIT {MOST_HELD + 1})"
_ENDS = (
    "SELECT DISTINCT until_at FROM notifier_pause WHERE until_at >= NOW(6) + INTERVAL 10 MINUTE "
    f"ORDER BY until_at LIMIT {MOST_ENDS}"
)
_IS_HELD = "(LEFT(why, 8) = 'endpoint' OR LEFT(why, 10) = 'rate_limit')"
_HELD = (
    f"SELECT recipient, COUNT(*), MIN(why) FROM {_SOON} AS soon WHERE {_IS_HELD} GROUP BY recipient"
)
# Whoever was claimed while its scope rested was put off.
_PUT_OFF = (
    "SELECT scope, COUNT(*) FROM ({rows}) AS later JOIN notifier_pause "
    "ON scope IN (recipient, CONCAT('channel:', channel)) "
    f"WHERE {LIVE} AND claimed_at >= since AND NOT {_IS_HELD} GROUP BY scope"
)
_ORDER = "(p.scope IS NOT NULL) DESC, (e.failing_since IS NOT NULL) DESC, e.name"


class EndpointOverview:
    """Raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, *, lead: timedelta) -> EndpointsSeen:
        """At most some hundred of them, those at rest first, then those that fail.

        lead: see OverviewRows.calendar.
        """
        ((number,),) = await self._database.fetch("SELECT COUNT(*) FROM notifier_endpoint")
        rows = await self._database.fetch(
            f"SELECT {STANDING} {SOURCE} ORDER BY {_ORDER} LIMIT {MOST}"
        )
        more = await self._are_more(_SOON, [])
        held = await self._database.fetch(_HELD)
        return EndpointsSeen(
            endpoints=[standing_of(row) for row in rows],
            number=number,
            held={row[0]: (Count(number=row[1], more=more), row[2]) for row in held},
            put_off=await self._put_off(lead, more=more),
        )

    async def _put_off(self, lead: timedelta, *, more: bool) -> Mapping[str, Count]:
        ends = [row[0] - lead for row in await self._database.fetch(_ENDS)]
        slices = [_SOON, *[_AT_AN_END] * len(ends)]
        rows = await self._database.fetch(_PUT_OFF.format(rows=" UNION ALL ".join(slices)), ends)
        beyond = [await self._are_more(_AT_AN_END, [end]) for end in ends]
        return {row[0]: Count(number=row[1], more=more or any(beyond)) for row in rows}

    async def _are_more(self, rows: str, arguments: list[Any]) -> bool:
        counted = await self._database.fetch(f"SELECT COUNT(*) FROM {rows} AS some", arguments)
        return bool(counted[0][0] > MOST_HELD)
