"""Read what breaks a rule: the audit's statements, run on the database at work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from notifier.domain.audit import Audit, Finding, Totals
from notifier.domain.ladder import Ladder
from notifier.store import audit_checks, audit_dispatch
from notifier.store.audit_checks import Group
from notifier.store.mysql import Database, Row
from notifier.store.orders import Orders


class Auditor:
    """books: the order tables by `order_book`; a book that is absent is reported as skipped."""

    def __init__(
        self, database: Database, *, books: Mapping[str, Orders], ladders: Mapping[str, Ladder]
    ) -> None:
        self._database = database
        self._books = books
        self._groups = (
            audit_checks.ROWS,
            audit_checks.ATTEMPTS,
            audit_checks.STRAY_ATTEMPTS,
            audit_checks.spacing(ladders),
            audit_dispatch.DISPATCHED_ONCE,
            audit_dispatch.PUBLISHERS,
            audit_dispatch.STRAY_PUBLISHERS,
            *(audit_dispatch.orders(book, orders.names) for book, orders in books.items()),
        )

    async def audit(self) -> Audit:
        """Every check, one statement after the other, each over all rows; nothing is locked.

        Raises StoreUnavailable, StoreError.
        """
        findings: list[Finding] = []
        for group in self._groups:
            for row in await self._database.fetch(group.statement):
                findings.extend(_findings(group, row))
        names = [check.name for group in self._groups for check in group.checks]
        return Audit(
            checks=tuple(dict.fromkeys(names)),
            findings=findings,
            totals=await self._totals(),
            skipped=await self._skipped(),
        )

    async def _totals(self) -> Totals:
        by_state = await self._database.fetch(
            "SELECT state, COUNT(*) FROM notifier_notification GROUP BY state"
        )
        counted = await self._database.fetch(
            "SELECT (SELECT COUNT(*) FROM notifier_attempt), (SELECT COUNT(*) FROM "
            "notifier_notification WHERE role = 'designer' AND dispatched_at IS NOT NULL)"
        )
        return Totals(
            notifications=dict(by_state), attempts=counted[0][0], dispatched=counted[0][1]
        )

    async def _skipped(self) -> list[str]:
        rows = await self._database.fetch(
            "SELECT order_book, COUNT(*) FROM notifier_notification "
            "WHERE order_book <> 'none' AND dispatched_at IS NOT NULL GROUP BY order_book"
        )
        return [
            f"the orders of {count} notifications: [orders] is switched off"
            for book, count in rows
            if book not in self._books
        ]


def _findings(group: Group, row: Row) -> Iterator[Finding]:
    for check, found in zip(group.checks, row[2:], strict=True):
        if found is not None:
            yield Finding(
                check=check.name,
                notification_id=UUID(bytes=row[0]),
                order_no=row[1],
                found=found if isinstance(found, str) else str(found, "utf-8"),
                expected=check.expected,
            )
