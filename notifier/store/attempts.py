"""Rows of `notifier_attempt`: every attempt that was made, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from notifier.domain.lease import Attempted
from notifier.domain.outcome import Sent
from notifier.store.mysql import Cursor
from notifier.store.sql import marks, tuples

COLUMNS = (
    "notification_id",
    "attempt",
    "seq",
    "step",
    "tier",
    "due_at",
    "started_at",
    "duration_us",
    "lateness_us",
    "outcome",
    "code",
    "detail",
    "external_id",
    "worker",
)
CORRECTED = ("code", "detail", "external_id", "duration_us")
"""What is only known once the outcome is."""
MICROSECOND = timedelta(microseconds=1)
LONGEST_DETAIL = 2048


def attempt_values(item: Attempted, outcome: str, worker: str) -> tuple[Any, ...]:
    """In the order of COLUMNS."""
    claimed = item.claimed
    external_id = item.outcome.external_id if isinstance(item.outcome, Sent) else ""
    return (
        claimed.notification.id.bytes,
        claimed.row.attempt,
        claimed.row.seq,
        claimed.row.step,
        claimed.tier,
        claimed.due_at,
        item.began,
        max(item.ended - item.began, timedelta(0)) // MICROSECOND,
        (item.began - claimed.due_at) // MICROSECOND,
        outcome,
        item.outcome.code[:64],
        item.outcome.detail[:LONGEST_DETAIL],
        external_id[:64],
        worker,
    )


def crashed_values(
    row: Sequence[Any], *, claimed_at: datetime, now: datetime, owner: str
) -> tuple[Any, ...]:
    """An attempt whose process never said how it ended.

    row: notification_id, attempt, seq, step, tier, due_at.
    """
    due_at = row[5]
    return (
        *row,
        claimed_at,
        max(now - claimed_at, timedelta(0)) // MICROSECOND,
        (claimed_at - due_at) // MICROSECOND,
        "unknown",
        "lease_lost",
        "the process ended, or hung, before it recorded the outcome",
        "",
        owner,
    )


def insert_attempts(cursor: Cursor, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        cursor.later(
            f"INSERT INTO notifier_attempt ({', '.join(COLUMNS)}) VALUES %s", [tuples(rows)]
        )


async def mark_late_success(cursor: Cursor, items: Sequence[Attempted], worker: str) -> None:
    """Successes that come after their lease was lost. Their attempts were closed as unknown.

    The first one makes the notification sent, whoever waits or flies; a further one is `repeated`:
    the receiver's id made it harmless.
    """
    for item in items:
        id_ = item.claimed.notification.id.bytes
        changed = await cursor.run(
            "UPDATE notifier_notification SET state = 'sent', reason = '', settled_at = NOW(6), "
            "next_sweep_at = NULL, lease_token = NULL, lease_until = NULL, lease_owner = NULL "
            "WHERE id = %s AND state IN ('scheduled', 'waiting', 'in_flight')",
            [id_],
        )
        values = attempt_values(item, "sent" if changed else "repeated", worker)
        known = dict(zip(COLUMNS, values, strict=True))
        await cursor.run(
            f"INSERT INTO notifier_attempt ({', '.join(COLUMNS)}) VALUES ({marks(len(COLUMNS))}) "
            "ON DUPLICATE KEY UPDATE outcome = IF(outcome = 'sent', outcome, %s), "
            + ", ".join(f"{column} = %s" for column in CORRECTED),
            [*values, known["outcome"], *(known[column] for column in CORRECTED)],
        )
        await cursor.run(
            "UPDATE notifier_notification SET attempt = (SELECT MAX(a.attempt) "
            "FROM notifier_attempt a WHERE a.notification_id = %s) WHERE id = %s",
            [id_, id_],
        )
