"""What was taken from Redis, in MySQL: accepted, or kept aside with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from notifier.domain.legacy_item import Item, Way
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput
from notifier.store.accept import Acceptance, Acceptor
from notifier.store.mysql import Database
from notifier.store.sql import marks

LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAside:
    """reason: the rule that it breaks."""

    id: int
    item: Item
    reason: str
    rejected_at: datetime


class KeptRows:
    """For an operator. Every method raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> int:
        ((count,),) = await self._database.fetch("SELECT COUNT(*) FROM notifier_intake_rejected")
        return int(count)

    async def newest(self, most: int) -> list[KeptAside]:
        return await self._fetch("ORDER BY id DESC LIMIT %s", [most])

    async def find(self, id_: int | None) -> list[KeptAside]:
        """One, or (None) all of them, the oldest first."""
        where, arguments = _which(id_)
        return await self._fetch(f"{where} ORDER BY id", arguments)

    async def drop(self, id_: int | None) -> int:
        """Forget one, or (None) all of them; how many."""
        where, arguments = _which(id_)
        return await self._database.run(f"DELETE FROM notifier_intake_rejected {where}", arguments)

    async def refuse(self, id_: int, reason: str) -> None:
        """Say why it is kept aside still."""
        await self._database.run(
            "UPDATE notifier_intake_rejected SET reason = %s WHERE id = %s",
            [reason[:LONGEST_REASON], id_],
        )

    async def _fetch(self, rest: str, arguments: Sequence[int]) -> list[KeptAside]:
        rows = await self._database.fetch(
            "SELECT id, way, body, size, digest, score, reason, rejected_at "
            f"FROM notifier_intake_rejected {rest}",
            arguments,
        )
        return [
            KeptAside(
                id=id_,
                item=Item(way=Way(way), body=body, size=size, digest=digest, score=score),
                reason=reason,
                rejected_at=rejected_at,
            )
            for id_, way, body, size, digest, score, reason, rejected_at in rows
        ]


class LegacyRows:
    def __init__(self, database: Database, acceptor: Acceptor) -> None:
        self._database = database
        self._acceptor = acceptor

    async def accept(
        self,
        submissions: Sequence[Submission],
        *,
        aside: Sequence[tuple[Item, InvalidInput]] = (),
        mended: int | None = None,
    ) -> Acceptance:
        """All in one transaction. mended: the id of one kept aside that is accepted now.

        Raises StoreUnavailable: the same may be accepted again, nothing is doubled; StoreError.
        """
        inserted = None
        async with self._database.transaction() as cursor:
            if submissions:
                inserted = await self._acceptor.insert(cursor, submissions)
            for item, fault in aside:
                reason = str(fault)[:LONGEST_REASON]
                cursor.later(
                    "INSERT INTO notifier_intake_rejected "
                    "(way, digest, body, size, score, reason, rejected_at) "
                    f"VALUES ({marks(6)}, NOW(6)) ON DUPLICATE KEY UPDATE reason = %s",
                    [*_values(item), reason, reason],
                )
            if mended is not None:
                cursor.later("DELETE FROM notifier_intake_rejected WHERE id = %s", [mended])
        return inserted.acceptance() if inserted else Acceptance(accepted=[], publish=[])


def _values(item: Item) -> tuple[object, ...]:
    return item.way.value, item.digest, item.body, item.size, item.score


def _which(id_: int | None) -> tuple[str, Sequence[int]]:
    return ("", ()) if id_ is None else ("WHERE id = %s", (id_,))
