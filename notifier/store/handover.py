"""Give everything that waits back to the calendar, for another mechanism or another broker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from notifier.store.mysql import Database
from notifier.store.sql import marks

Place = tuple[datetime, bytes]
"""(next_sweep_at, id): the order in which scheduled rows are gone through."""
FIRST: Place = (datetime(1970, 1, 1, tzinfo=UTC), b"")


class Handover:
    """Each call is one short transaction; all of it may be repeated, and fleets may run meanwhile.

    lead: how long before its moment the calendar hands a row over from now on. Every method raises
    StoreUnavailable, StoreError.
    """

    def __init__(self, database: Database, *, lead: timedelta, batch: int) -> None:
        self._database = database
        self._lead_us = lead // timedelta(microseconds=1)
        self._batch = batch

    async def waiting(self) -> list[bytes]:
        """The rows whose messages the broker has or should have: no more than its horizon holds."""
        rows = await self._database.fetch(
            "SELECT id FROM notifier_notification WHERE state = 'waiting' ORDER BY next_sweep_at"
        )
        return [row[0] for row in rows]

    async def count_scheduled(self) -> int:
        rows = await self._database.fetch(
            "SELECT COUNT(*) FROM notifier_notification WHERE state = 'scheduled'"
        )
        return int(rows[0][0])

    async def give_back(self, ids: Sequence[bytes]) -> int:
        """Those that still wait; with a new `seq`, so that the messages on their way are stale."""
        return await self._database.run(
            "UPDATE notifier_notification SET state = 'scheduled', seq = seq + 1, "
            "next_sweep_at = due_at - INTERVAL %s MICROSECOND, sweeps = 0, postponements = 0 "
            f"WHERE id IN ({marks(len(ids))}) AND state = 'waiting'",
            [self._lead_us, *ids],
        )

    async def reschedule(self, after: Place) -> tuple[Place | None, int]:
        """Set when the calendar looks at its rows: the next batch of those where it is not set so.

        after: where the batch before ended. Returns where this one ends, None after the last, and
        how many rows it has.
        """
        rows = await self._database.fetch(
            "SELECT next_sweep_at, id FROM notifier_notification WHERE state = 'scheduled' "
            "AND (next_sweep_at > %s OR next_sweep_at = %s AND id > %s) "
            "AND next_sweep_at <> due_at - INTERVAL %s MICROSECOND "
            "ORDER BY next_sweep_at, id LIMIT %s",
            [after[0], after[0], after[1], self._lead_us, self._batch],
        )
        if not rows:
            return None, 0
        await self._database.run(
            "UPDATE notifier_notification SET "
            "next_sweep_at = due_at - INTERVAL %s MICROSECOND "
            f"WHERE id IN ({marks(len(rows))}) AND state = 'scheduled'",
            [self._lead_us, *[row[1] for row in rows]],
        )
        return (rows[-1][0], rows[-1][1]), len(rows)
