"""WeChat's receipts, as rows, and what those of its own failures lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from notifier.domain.notification import State
from notifier.domain.outcome import Retry
from notifier.domain.receipt import UNDELIVERED, Receipt
from notifier.domain.rules import RuleBook
from notifier.domain.settle import InFlight, Next, settle
from notifier.store.mysql import Cursor, Database
from notifier.store.next_rows import update_values, write_next
from notifier.store.sql import flat, listed, rows_of_marks

CHUNK = 200
LATEST = timedelta(minutes=5)
"""A receipt that comes so long after its attempt began is only recorded."""
NOT_YET = timedelta(minutes=1)
"""So long the attempt's own record may take; then the message was somebody else's."""
STANDING = (
    "id, state, seq, step, attempt, deadline_at, ladder, channel, cancel_requested, due_at, NOW(6)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """count: notifications that are tried again. after, more: where to go on, and whether."""

    count: int
    after: str
    more: bool


@dataclass(frozen=True, slots=True)
class _Row:
    """A locked row, in the order of STANDING."""

    id: bytes
    state: str
    seq: int
    step: int
    attempt: int
    deadline_at: datetime | None
    ladder: str
    channel: str
    cancel_requested: str
    due_at: datetime
    now: datetime


class Receipts:
    def __init__(self, database: Database, *, rule_book: RuleBook) -> None:
        self._database = database
        self._rule_book = rule_book

    async def keep(self, receipts: Sequence[Receipt]) -> None:
        """Committed at once; the first of each message stays. Raises StoreUnavailable."""
        ordered = sorted(receipts, key=lambda one: one.msg_id)
        values = rows_of_marks(len(ordered), 2).replace("%s)", "%s,NOW(6))")
        undelivered = [one.msg_id for one in ordered if one.status == UNDELIVERED]
        async with self._database.transaction() as cursor:
            cursor.later(
                "INSERT IGNORE INTO notifier_receipt (msg_id, status, received_at) "
                f"VALUES {values}",
                flat((one.msg_id, one.status) for one in ordered),
            )
            if undelivered:
                cursor.later(
                    "INSERT IGNORE INTO notifier_undelivered (msg_id, received_at) "
                    "SELECT msg_id, received_at FROM notifier_receipt "
                    "WHERE msg_id IN (%s) AND status = %s",
                    [listed(undelivered), UNDELIVERED],
                )

    async def act(self, after: str = "") -> Acted:
        """Let what WeChat could not deliver climb its ladder, one chunk in one transaction.

        The attempt counts as refused from then on. What has no further step, or is past its
        deadline, stays `sent`, as it was accepted, with its receipt. Any number of gateways may do
        this at once. Raises StoreUnavailable, StoreError.
        """
        async with self._database.transaction() as cursor:
            rows = await cursor.fetch(
                "SELECT msg_id, received_at, NOW(6) FROM notifier_undelivered WHERE msg_id > %s "
                "ORDER BY msg_id LIMIT %s FOR UPDATE SKIP LOCKED",
                [after, CHUNK],
            )
            if not rows:
                return Acted(count=0, after=after, more=False)
            attempts = await _attempts(cursor, {row[0]: row[1] for row in rows})
            count = await self._climb(cursor, attempts)
            done = [
                msg_id
                for msg_id, received_at, now in rows
                if msg_id in attempts or received_at < now - NOT_YET
            ]
            if done:
                cursor.later(
                    "DELETE FROM notifier_undelivered WHERE msg_id IN (%s)", [listed(done)]
                )
        return Acted(count=count, after=rows[-1][0], more=len(rows) == CHUNK)

    async def _climb(self, cursor: Cursor, attempts: Mapping[str, tuple[bytes, int]]) -> int:
        """attempts: (notification, number) by msg_id."""
        if not attempts:
            return 0
        found = await cursor.fetch(
            f"SELECT {STANDING} FROM notifier_notification WHERE id IN (%s) ORDER BY id FOR UPDATE",
            [listed(sorted({id_ for id_, _ in attempts.values()}))],
        )
        refused = set(attempts.values())
        climbing = []
        for row in (_Row(*each) for each in found):
            after = self._next(row)
            if row.state == State.SENT and (row.id, row.attempt) in refused and after.due_at:
                climbing.append((row, after))
        write_next(cursor, [_update(row, after) for row, after in climbing])
        for row, _ in climbing:
            _write_refused(cursor, row)
        return len(climbing)

    def _next(self, row: _Row) -> Next:
        rules = self._rule_book.rules(row.ladder, row.channel)
        sent = InFlight(
            seq=row.seq,
            step=row.step,
            attempt=row.attempt,
            cancel_requested=row.cancel_requested,
            deadline_at=row.deadline_at,
        )
        after = settle(sent, Retry(code=UNDELIVERED), rules, began=row.now, now=row.now)
        if after.due_at is None:
            return after
        # Nothing is published here: the calendar hands it over at its moment.
        shelved = rules.places.in_calendar(after.due_at)
        return replace(
            after, state=shelved.state, tier=shelved.tier, next_sweep_at=shelved.next_sweep_at
        )


async def _attempts(
    cursor: Cursor, received: Mapping[str, datetime]
) -> dict[str, tuple[bytes, int]]:
    """(notification, number) by msg_id: of those on record, by when they must have begun."""
    rows = await cursor.fetch(
        "SELECT external_id, notification_id, attempt FROM notifier_attempt "
        "WHERE started_at BETWEEN %s AND %s AND outcome = 'sent' AND external_id IN (%s)",
        [min(received.values()) - LATEST, max(received.values()) + NOT_YET, listed(received)],
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def _update(row: _Row, after: Next) -> tuple[Any, ...]:
    return update_values(row.id, after, row.due_at, row.now)


def _write_refused(cursor: Cursor, row: _Row) -> None:
    cursor.later(
        "UPDATE notifier_notification SET resends = LEAST(resends + 1, 255) WHERE id = %s", [row.id]
    )
    cursor.later(
        "UPDATE notifier_attempt SET outcome = 'retry', code = %s "
        "WHERE notification_id = %s AND attempt = %s",
        [UNDELIVERED, row.id, row.attempt],
    )
