"""What was given up, the newest first, without looking at all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from notifier.domain.notification import State
from notifier.domain.overview import Failed, FailureGroup, Failures
from notifier.domain.timeline import masked
from notifier.store.mysql import Database, Row
from notifier.store.sql import rows_of_marks

MOST = 1_000
"""Of each state that are grouped: those accepted last."""
GROUPS = 20
ENDED = (State.DEAD, State.UNKNOWN)
LONGEST_WORDS = 300
_COLUMNS = "id, state, reason, channel, role, recipient, order_no, attempt, settled_at"
# What has ended has no next_sweep_at, and within one the index goes by the id, so by acceptance.
_NEWEST_OF = (
    "(SELECT id FROM notifier_notification WHERE state = '{state}' AND next_sweep_at IS NULL "
    "{before}ORDER BY id DESC LIMIT %s)"
)


class FailureRows:
    """Every method raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def grouped(self) -> Failures:
        """The newest by reason, those first that ended last."""
        newest = " UNION ALL ".join(_NEWEST_OF.format(state=s, before="") for s in ENDED)
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM notifier_notification WHERE id IN "
            f"(SELECT id FROM ({newest}) AS newest)",
            [MOST + 1] * len(ENDED),
        )
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in sorted(rows, key=_ended, reverse=True):
            groups.setdefault((row[1], row[2]), []).append(row)
        first = list(groups.items())[:GROUPS]
        words = await self._words([found[0] for _, found in first])
        return Failures(
            groups=[
                FailureGroup(
                    state=state, reason=reason, count=len(found), newest=_failed(found[0], words)
                )
                for (state, reason), found in first
            ],
            looked_at=len(rows),
            more=any(sum(r[1] == state for r in rows) > MOST for state in ENDED),
        )

    async def listed(
        self, state: State, *, reason: str | None, before: UUID | None, most: int
    ) -> list[Failed]:
        """Those accepted last first. before: of an earlier page, its last. reason: see Wanted."""
        conditions, arguments = "", list[Any]()
        if before is not None:
            conditions += "AND id < %s "
            arguments.append(before.bytes)
        if reason is not None:
            conditions += "AND (reason = %s OR SUBSTRING_INDEX(reason, ':', 1) = %s) "
            arguments += [reason, reason]
        newest = _NEWEST_OF.format(state=state.value, before=conditions)
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM notifier_notification WHERE id IN "
            f"(SELECT id FROM ({newest}) AS newest) ORDER BY id DESC",
            [*arguments, most],
        )
        words = await self._words(rows)
        return [_failed(row, words) for row in rows]

    async def _words(self, rows: Sequence[Row]) -> dict[tuple[bytes, int], str]:
        """What the last attempt of each came to, with what the receiver answered."""
        if not rows:
            return {}
        found = await self._database.fetch(
            "SELECT a.notification_id, a.attempt, a.code, a.detail, r.status, r.body "
            "FROM notifier_attempt a LEFT JOIN notifier_answer r "
            "ON r.notification_id = a.notification_id AND r.attempt = a.attempt "
            f"WHERE (a.notification_id, a.attempt) IN ({rows_of_marks(len(rows), 2)})",
            [value for row in rows for value in (row[0], row[7])],
        )
        return {(row[0], row[1]): _said(*row[2:]) for row in found}


def _ended(row: Row) -> float:
    return row[8].timestamp() if row[8] is not None else 0.0


def _said(code: str, detail: str, status: int | None, body: bytes | None) -> str:
    parts = [code, detail]
    if status is not None:
        parts += [f"HTTP {status}", (body or b"").decode(errors="replace")]
    return " ".join(part for part in parts if part)[:LONGEST_WORDS]


def _failed(row: Row, words: dict[tuple[bytes, int], str]) -> Failed:
    return Failed(
        id=UUID(bytes=row[0]),
        state=row[1],
        reason=row[2],
        channel=row[3],
        role=row[4],
        recipient=masked(row[5]),
        order_no=row[6],
        attempt=row[7],
        ended_at=row[8],
        words=words.get((row[0], row[7]), ""),
    )
