"""The end of what is kept: notifications that ended long ago, with all that was written of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.notification import TERMINAL, first_id
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import marks

_ASIDE = (
    ("notifier_outbox_rejected", "rejected_at"),
    ("notifier_intake_rejected", "rejected_at"),
    ("notifier_deed", "done_at"),
)
_ENDED = tuple(state.value for state in sorted(TERMINAL))


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """count: notifications, log lines, receipts, deeds and what was kept aside that are gone.

    after: the last id that was looked at.
    more: whether there are ids behind it that are old enough to be looked at.
    """

    count: int
    after: bytes
    more: bool


class Retention:
    """Any number of fleets may do this at once.

    keep: how long after its end a notification is kept. chunk: rows looked at in a transaction.
    """

    def __init__(self, database: Database, *, keep: timedelta, chunk: int) -> None:
        self._database = database
        self._keep = keep
        self._chunk = chunk

    async def purge(self, after: bytes = b"") -> Purged:
        """One chunk, in the order of acceptance, behind the id `after` ("" for the first).

        Notifications go with their attempts, and a designer's together with its publisher's.
        """
        async with self._database.transaction() as cursor:
            before: datetime = (await cursor.fetch("SELECT NOW(6)"))[0][0] - self._keep
            rows = await cursor.fetch(
                "SELECT id, parent_id, state, settled_at FROM notifier_notification "
                "WHERE id > %s AND id < %s ORDER BY id LIMIT %s",
                [after, first_id(before).bytes, self._chunk],
            )
            ended = [
                row[0]
                for row in rows
                if row[1] is None and row[2] in _ENDED and row[3] is not None and row[3] < before
            ]
            gone = await _delete(cursor, ended, before) if ended else 0
            lines = await cursor.run(
                "DELETE FROM tg_log_order_dispatch WHERE w_time < %s ORDER BY w_time LIMIT %s",
                [before, self._chunk],
            )
            aside = [
                await cursor.run(
                    f"DELETE FROM {table} WHERE {column} < %s ORDER BY id LIMIT %s",
                    [before, self._chunk],
                )
                for table, column in _ASIDE
            ]
            receipts = await cursor.run(
                "DELETE FROM notifier_receipt WHERE received_at < %s ORDER BY received_at LIMIT %s",
                [before, self._chunk],
            )
        more = self._chunk in (len(rows), lines, receipts, *aside)
        count = gone + lines + receipts + sum(aside)
        return Purged(count=count, after=rows[-1][0] if rows else after, more=more)


async def _delete(cursor: Cursor, ids: list[bytes], before: datetime) -> int:
    """Looked at again under their locks: somebody may replay one of them at this moment."""
    family = await cursor.fetch(
        "SELECT id, parent_id, state, settled_at FROM notifier_notification "
        f"WHERE id IN ({marks(len(ids))}) OR parent_id IN ({marks(len(ids))}) "
        "ORDER BY id FOR UPDATE SKIP LOCKED",
        [*ids, *ids],
    )
    kept = {
        row[1] or row[0]
        for row in family
        if row[2] not in _ENDED or row[3] is None or row[3] >= before
    }
    gone = [row[0] for row in family if (row[1] or row[0]) not in kept]
    if not gone:
        return 0
    for table in ("notifier_attempt", "notifier_answer", "notifier_rescheduled"):
        await cursor.run(f"DELETE FROM {table} WHERE notification_id IN ({marks(len(gone))})", gone)
    return await cursor.run(
        f"DELETE FROM notifier_notification WHERE id IN ({marks(len(gone))})", gone
    )
