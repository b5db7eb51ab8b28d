"""What waits in the outbox, and what was kept aside, for an operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from notifier.store.mysql import Database
from notifier.store.outbox import COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """waiting: committed rows. oldest_s: how long the first of them has waited, seconds.

    rejected: rows that were kept aside.
    """

    waiting: int
    oldest_s: float
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row that was kept aside; reason: why."""

    id: int
    channel: str
    recipient: str
    order_no: str
    idempotency_key: str | None
    reason: str
    rejected_at: datetime


_SHOWN = ("id", "channel", "recipient", "order_no", "idempotency_key", "reason", "rejected_at")


class OutboxRows:
    """Every method raises StoreUnavailable, and StoreError where the tables are missing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def backlog(self) -> Backlog:
        ((waiting, oldest_us),) = await self._database.fetch(
            "SELECT COUNT(*), COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(created_at), NOW(6)), 0) "
            "FROM notifier_outbox"
        )
        ((rejected,),) = await self._database.fetch("SELECT COUNT(*) FROM notifier_outbox_rejected")
        return Backlog(waiting=waiting, oldest_s=oldest_us / 1e6, rejected=rejected)

    async def rejected(self, *, most: int) -> list[Rejected]:
        """The newest first."""
        rows = await self._database.fetch(
            f"SELECT {', '.join(_SHOWN)} FROM notifier_outbox_rejected ORDER BY id DESC LIMIT %s",
            [most],
        )
        return [Rejected(**dict(zip(_SHOWN, row, strict=True))) for row in rows]

    async def put_back(self, id_: int | None) -> int:
        """Let one be looked at again, or (None) all of them; how many."""
        where, arguments = _which(id_)
        async with self._database.transaction() as cursor:
            rows = await cursor.fetch(
                f"SELECT id FROM notifier_outbox_rejected{where} FOR UPDATE", arguments
            )
            await cursor.run(
                f"INSERT INTO notifier_outbox ({COLUMNS}) "
                f"SELECT {COLUMNS} FROM notifier_outbox_rejected{where}",
                arguments,
            )
            await cursor.run(f"DELETE FROM notifier_outbox_rejected{where}", arguments)
        return len(rows)

    async def drop(self, id_: int | None) -> int:
        """Forget one that was kept aside, or (None) all of them; how many."""
        where, arguments = _which(id_)
        return await self._database.run(f"DELETE FROM notifier_outbox_rejected{where}", arguments)


def _which(id_: int | None) -> tuple[str, Sequence[int]]:
    return ("", ()) if id_ is None else (" WHERE id = %s", (id_,))
