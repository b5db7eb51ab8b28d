"""How many notifications there are of each state that somebody may have to look at."""

from __future__ import annotations

from collections.abc import Mapping

from notifier.domain.notification import State
from notifier.store.mysql import Database

COUNTED = (State.SCHEDULED, State.WAITING, State.IN_FLIGHT, State.DEAD, State.UNKNOWN)
MOST = 1_000_000
"""Entries of an index that are counted, about ten million a second."""
_COUNTS = " UNION ALL ".join(
    f"SELECT '{state}', COUNT(*) FROM (SELECT 1 FROM notifier_notification "
    f"WHERE state = '{state}' LIMIT {MOST + 1}) AS {state}_ones"
    for state in COUNTED
)


async def counts_by_state(database: Database) -> Mapping[State, int]:
    """Without those of which there are too many to count. Raises StoreUnavailable, StoreError."""
    rows = await database.fetch(_COUNTS)
    return {State(state): int(count) for state, count in rows if count <= MOST}
