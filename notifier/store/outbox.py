"""The table into which an application inserts within a transaction of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from notifier.domain.outbox import OutboxRow
from notifier.domain.payload import LARGEST
from notifier.domain.submission import Submission
from notifier.store.accept import Acceptor, Inserted
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import VALUES_FIRST, marks, values_table

BYTES_FETCHED = 2 * LARGEST
"""Of a payload, spaces between the values included; a larger one is refused unseen."""
LONGEST_REASON = 1000
COLUMNS = (
    "id, channel, recipient, template, payload, order_no, idempotency_key, due_unix, delay_s, "
    "ladder, deadline_unix, created_at"
)
FETCHED = (
    f"id, channel, recipient, template, IF(LENGTH(payload) > {BYTES_FETCHED}, NULL, payload), "
    "LENGTH(payload), order_no, idempotency_key, due_unix, delay_s, ladder, deadline_unix, "
    "UNIX_TIMESTAMP(created_at), NOW(6)"
)
NAMES = (
    *("id", "channel", "recipient", "template", "payload", "payload_bytes", "order_no"),
    *("idempotency_key", "due_unix", "delay_s", "ladder", "deadline_unix", "created_unix", "now"),
)


class Outbox:
    """Any number of fleets may empty it at once: SKIP LOCKED keeps them apart."""

    def __init__(self, database: Database, acceptor: Acceptor) -> None:
        self._database = database
        self._acceptor = acceptor

    async def has_rows(self) -> bool:
        """Committed ones; cheap enough to be asked many times a second."""
        return bool(await self._database.fetch("SELECT 1 FROM notifier_outbox LIMIT 1"))

    @asynccontextmanager
    async def take(self, most: int) -> AsyncIterator[Taken]:
        """The oldest rows that nobody else has taken; what is done with them is done at the end,
        all or nothing.
        """
        async with self._database.transaction() as cursor:
            rows = await cursor.fetch(
                f"SELECT {FETCHED} FROM notifier_outbox ORDER BY id LIMIT %s "
                "FOR UPDATE SKIP LOCKED",
                [most],
            )
            found = [OutboxRow(**dict(zip(NAMES, row, strict=True))) for row in rows]
            yield Taken(cursor, self._acceptor, found)


class Taken:
    """rows: locked for the transaction."""

    def __init__(self, cursor: Cursor, acceptor: Acceptor, rows: Sequence[OutboxRow]) -> None:
        self.rows = rows
        self._cursor = cursor
        self._acceptor = acceptor

    async def accept(self, submissions: Sequence[Submission]) -> Inserted:
        return await self._acceptor.insert(self._cursor, submissions)

    async def known_endpoints(self, names: Sequence[str]) -> set[str]:
        rows = await self._cursor.fetch(
            f"SELECT name FROM notifier_endpoint WHERE name IN ({marks(len(names))})", names
        )
        return {row[0] for row in rows}

    def leave(self, reasons: Mapping[int, str]) -> None:
        """Take all rows out of the outbox. reasons: by id, of those to be kept aside."""
        for id_, reason in reasons.items():
            self._cursor.later(
                f"INSERT INTO notifier_outbox_rejected ({COLUMNS}, reason, rejected_at) "
                f"SELECT {COLUMNS}, %s, NOW(6) FROM notifier_outbox WHERE id = %s",
                [reason[:LONGEST_REASON], id_],
            )
        if self.rows:
            ids = [row.id for row in self.rows]
            self._cursor.later(
                f"DELETE o FROM ({values_table(['id'], len(ids))}) v {VALUES_FIRST} "
                "notifier_outbox o ON o.id = v.id",
                ids,
            )
