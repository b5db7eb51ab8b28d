"""How the endpoints do, those first that need somebody."""

from __future__ import annotations

from dataclasses import replace

from notifier.domain.endpoint import PREFIX
from notifier.domain.overview import EndpointsSeen
from notifier.store.endpoints import SOURCE, STANDING, standing_of
from notifier.store.mysql import Database

MOST = 200
MOST_HELD = 20_000
# What is held back comes again soon; what is due much later is not read.
_HELD = (
    "SELECT recipient, COUNT(*), MIN(reason) FROM "
    "(SELECT recipient, reason FROM notifier_notification WHERE state = 'scheduled' "
    "AND next_sweep_at < NOW(6) + INTERVAL 10 MINUTE "
    f"ORDER BY next_sweep_at LIMIT {MOST_HELD}) AS soon "
    "WHERE reason LIKE 'endpoint%' OR reason LIKE 'rate_limit%' GROUP BY recipient"
)
_ORDER = "(p.scope IS NOT NULL) DESC, (e.failing_since IS NOT NULL) DESC, e.name"


class EndpointOverview:
    """Raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> EndpointsSeen:
        """At most some hundred of them, those at rest first, then those that fail."""
        ((number,),) = await self._database.fetch("SELECT COUNT(*) FROM notifier_endpoint")
        rows = await self._database.fetch(
            f"SELECT {STANDING} {SOURCE} ORDER BY {_ORDER} LIMIT {MOST}"
        )
        held = {row[0]: row[1:] for row in await self._database.fetch(_HELD)}
        standings = []
        for row in rows:
            count, reason = held.get(PREFIX + row[0], (0, ""))
            standings.append(replace(standing_of(row), held=count, held_reason=reason))
        return EndpointsSeen(endpoints=standings, number=number)
