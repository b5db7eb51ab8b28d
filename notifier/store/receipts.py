"""WeChat's receipts, as rows."""

from __future__ import annotations

from collections.abc import Sequence

from notifier.domain.receipt import Receipt
from notifier.store.mysql import Database
from notifier.store.sql import flat, rows_of_marks


class Receipts:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, receipts: Sequence[Receipt]) -> None:
        """Committed at once; the first of each message stays. Raises StoreUnavailable."""
        ordered = sorted(receipts, key=lambda one: one.msg_id)
        values = rows_of_marks(len(ordered), 2).replace("%s)", "%s,NOW(6))")
        await self._database.run(
            f"INSERT IGNORE INTO notifier_receipt (msg_id, status, received_at) VALUES {values}",
            flat((one.msg_id, one.status) for one in ordered),
        )
