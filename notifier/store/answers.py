"""Rows of `notifier_answer`: what HTTP receivers answered, beside the attempts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from notifier.domain.lease import Attempted
from notifier.domain.outcome import Answer
from notifier.store.mysql import Cursor
from notifier.store.sql import tuples

COLUMNS = ("notification_id", "attempt", "status", "latency_us", "body")
LONGEST_BODY = 2048
MICROSECOND = timedelta(microseconds=1)


def insert_answers(cursor: Cursor, items: Sequence[Attempted]) -> None:
    """Of those that have one; a second record of the same attempt changes nothing."""
    rows = [_values(item, answer) for item in items if (answer := item.outcome.answer)]
    if rows:
        cursor.later(
            f"INSERT INTO notifier_answer ({', '.join(COLUMNS)}) VALUES %s "
            "ON DUPLICATE KEY UPDATE attempt = attempt",
            [tuples(rows)],
        )


def answer_of(status: int | None, latency_us: int | None, body: bytes | None) -> Answer | None:
    """From a row's columns, all NULL where there is none."""
    if status is None:
        return None
    latency = timedelta(microseconds=latency_us or 0)
    return Answer(status=status, latency=latency, body=body or b"")


def _values(item: Attempted, answer: Answer) -> tuple[Any, ...]:
    return (
        item.claimed.notification.id.bytes,
        item.claimed.row.attempt,
        answer.status,
        max(answer.latency, timedelta(0)) // MICROSECOND,
        answer.body[:LONGEST_BODY],
    )
