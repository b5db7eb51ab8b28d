"""What MySQL knows of a user's pushes: what is owed, and that it was acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from notifier.domain.notification import ChannelName, Notification, Role, State
from notifier.domain.push import Owed
from notifier.store.attempts import COLUMNS, insert_attempts
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import marks

_FIELDS = (
    "id, role, recipient, order_no, template, payload, dispatched_at, accepted_at, attempt, "
    "state, due_at"
)
# Given up, but only because nobody was there: who comes back shall have it all the same.
_GIVEN_UP = (
    "state IN ('dead', 'unknown') AND reason LIKE 'exhausted:%%' "
    "AND settled_at > NOW(6) - INTERVAL %s SECOND "
    "AND (deadline_at IS NULL OR deadline_at > NOW(6))"
)
_BEGUN = "(due_at <= NOW(6) OR step > 0)"
_TAKEN = (
    "state = 'sent' AND settled_at > (SELECT s.settled_at FROM notifier_notification s "
    "WHERE s.id = %s AND s.push_user = %s)"
)
# One that was pushed and then put off is due later, and has been told all the same.
_TOLD = (
    f"(state IN ('waiting', 'scheduled', 'in_flight') AND ({_BEGUN} OR seq > 1)) OR ({_GIVEN_UP})"
)
_OWED = f"(state IN ('waiting', 'scheduled', 'in_flight') AND {_BEGUN}) OR ({_GIVEN_UP})"


class Pushes:
    """keep: how long those that were given up are still handed over. who: this process."""

    def __init__(self, database: Database, *, keep: timedelta, who: str) -> None:
        self._database = database
        self._keep_s = int(keep.total_seconds())
        self._who = who

    async def owed_to(
        self, user: str, *, after: UUID | None, before: UUID | None = None, most: int
    ) -> list[Owed]:
        """In the order they were accepted, at most `most`; begun, and acknowledged by nobody.

        after: the last that the client has; what others acknowledged since comes too.
        before: only those accepted later than this one, for the next page.
        Raises StoreUnavailable, StoreError.
        """
        which, arguments = f"({_OWED})", [user, self._keep_s]
        if after is not None:
            which, arguments = f"({_OWED} OR ({_TAKEN}))", [*arguments, after.bytes, user]
        page = ""
        if before is not None:
            page, arguments = "AND id > %s ", [*arguments, before.bytes]
        rows = await self._database.fetch(
            f"SELECT {_FIELDS} FROM notifier_notification WHERE push_user = %s AND {which} "
            f"{page}ORDER BY id LIMIT %s",
            [*arguments, most],
        )
        return [_owed(row) for row in rows]

    async def acknowledge(self, user: str, ids: Sequence[UUID]) -> list[UUID]:
        """Those of the user's that have become `sent` by it; what nobody owes stays as it is.

        Raises StoreUnavailable, StoreError.
        """
        async with self._database.transaction() as cursor:
            rows = await cursor.fetch(
                "SELECT id, attempt, seq, step, tier, due_at, state, NOW(6) "
                f"FROM notifier_notification WHERE id IN ({marks(len(ids))}) "
                f"AND push_user = %s AND ({_TOLD}) ORDER BY id FOR UPDATE",
                [*sorted(id_.bytes for id_ in set(ids)), user, self._keep_s],
            )
            attempts = [self._attempt(row) for row in rows]
            insert_attempts(cursor, attempts)
            await _end(cursor, [(values[0], values[1]) for values in attempts])
        return [UUID(bytes=row[0]) for row in rows]

    def _attempt(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """In the order of the attempts' COLUMNS: the client was told outside of the ladder.

        Its step is that of the attempt before, since the one that comes next has not begun.
        """
        id_, attempt, seq, step, tier, due_at, state, now = row
        was_given_up = state in (State.DEAD, State.UNKNOWN)
        number = attempt + 1 if was_given_up else attempt
        values = {
            "notification_id": id_,
            "attempt": number,
            "seq": seq,
            "step": step if was_given_up else max(step - 1, 0),
            "tier": tier,
            "due_at": due_at,
            "started_at": now,
            "duration_us": 0,
            "lateness_us": _microseconds(now, due_at),
            "outcome": "sent",
            "code": "acknowledged",
            "detail": "by a client, between two attempts",
            "external_id": "",
            "worker": self._who,
        }
        return tuple(values[column] for column in COLUMNS)


def _microseconds(now: datetime, due_at: datetime) -> int:
    return (now - due_at) // timedelta(microseconds=1)


async def _end(cursor: Cursor, numbers: Sequence[tuple[bytes, int]]) -> None:
    """A new `seq`, so that a message that still travels is forgotten."""
    if not numbers:
        return
    cases = " ".join(["WHEN %s THEN %s"] * len(numbers))
    await cursor.run(
        "UPDATE notifier_notification SET state = 'sent', reason = '', seq = seq + 1, "
        f"attempt = CASE id {cases} END, settled_at = NOW(6), next_sweep_at = NULL, "
        "unknown_since = NULL, lease_token = NULL, lease_until = NULL, lease_owner = NULL "
        f"WHERE id IN ({marks(len(numbers))})",
        [*(value for pair in numbers for value in pair), *(id_ for id_, _ in numbers)],
    )


def _owed(row: Sequence[Any]) -> Owed:
    return Owed(
        notification=Notification(
            id=UUID(bytes=row[0]),
            role=Role(row[1]),
            channel=ChannelName.PUSH,
            recipient=row[2],
            order_no=row[3],
            template=row[4],
            payload=orjson.loads(row[5]) if row[5] else {},
            dispatched_at=row[6],
            accepted_at=row[7],
            attempt=row[8],
        ),
        state=State(row[9]),
        due_at=row[10],
    )
