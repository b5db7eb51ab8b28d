"""What is asked to be forgotten: everything that says who it was, and nothing that counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from notifier.domain.forgetting import Forgotten, Subject
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import marks

CHUNK = 2000
NAME = re.compile(r"[A-Za-z0-9_-]+")
"""An order's number, or a notification's id, between the Chinese words of a log line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """after: the last id that was looked at; None where there is no more."""

    forgotten: Forgotten
    after: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChunk:
    """lines: deleted. after: as in Chunk."""

    lines: int
    after: int | None


class Forgetting:
    """Chunk by chunk through all rows: nothing is indexed by a person, on purpose."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget(self, subject: Subject, *, after: bytes = b"") -> Chunk:
        """Look at the next rows. What still waits is cancelled; an attempt under way is left alone.

        Raises StoreUnavailable; doing it again is safe.
        """
        async with self._database.transaction() as cursor:
            rows = await cursor.fetch(
                "SELECT id, recipient, order_no, JSON_UNQUOTE(JSON_EXTRACT(payload, '$.user')) "
                "FROM notifier_notification "
                "WHERE id > %s ORDER BY id LIMIT %s",
                [after, CHUNK],
            )
            hit = [
                row[0]
                for row in rows
                if subject.is_meant(recipient=row[1], order_no=row[2], user=row[3] or "")
            ]
            forgotten = await _forget(cursor, hit) if hit else Forgotten()
            if not after:
                await _forget_outbox(cursor, subject)
                await _forget_kept_aside(cursor, subject)
        end = rows[-1][0] if len(rows) == CHUNK else None
        return Chunk(forgotten=forgotten, after=end)

    async def forget_log(self, names: frozenset[str], *, after: int = 0) -> LogChunk:
        """Look at the log's next lines, and delete those that have one of the names as a word."""
        rows = await self._database.fetch(
            "SELECT id, content FROM tg_log_order_dispatch WHERE id > %s ORDER BY id LIMIT %s",
            [after, CHUNK],
        )
        hit = [row[0] for row in rows if not names.isdisjoint(NAME.findall(row[1]))]
        if hit:
            await self._database.run(
                f"DELETE FROM tg_log_order_dispatch WHERE id IN ({marks(len(hit))})", hit
            )
        return LogChunk(lines=len(hit), after=rows[-1][0] if len(rows) == CHUNK else None)


async def _forget_outbox(cursor: Cursor, subject: Subject) -> None:
    column, value = (
        ("order_no", subject.order_no) if subject.order_no else ("recipient", subject.recipient)
    )
    if value:
        for table in ("notifier_outbox", "notifier_outbox_rejected"):
            await cursor.run(f"DELETE FROM {table} WHERE {column} = %s", [value])


async def _forget_kept_aside(cursor: Cursor, subject: Subject) -> None:
    """Records of older programs: nobody can say which part of a broken one is whose."""
    name = subject.order_no or subject.recipient
    rows = await cursor.fetch(
        "SELECT id, body FROM notifier_intake_rejected WHERE INSTR(body, %s)", [name.encode()]
    )
    hit = [row[0] for row in rows if subject.is_named_in(row[1].decode(errors="replace"))]
    if hit:
        await cursor.run(
            f"DELETE FROM notifier_intake_rejected WHERE id IN ({marks(len(hit))})", hit
        )


async def _forget(cursor: Cursor, ids: list[bytes]) -> Forgotten:
    rows = await cursor.fetch(
        "SELECT id, state, order_no FROM notifier_notification "
        f"WHERE id IN ({marks(len(ids))}) ORDER BY id FOR UPDATE",
        ids,
    )
    flying = [row[0] for row in rows if row[1] == "in_flight"]
    waiting = [row[0] for row in rows if row[1] in ("scheduled", "waiting")]
    done = [row[0] for row in rows if row[1] != "in_flight"]
    if waiting:
        await cursor.run(
            "UPDATE notifier_notification SET state = 'cancelled', reason = 'forgotten', "
            "seq = seq + 1, settled_at = NOW(6), next_sweep_at = NULL "
            f"WHERE id IN ({marks(len(waiting))})",
            waiting,
        )
    if done:
        await _blank(cursor, done)
    return Forgotten(
        rows=len(done),
        cancelled=len(waiting),
        in_flight=len(flying),
        names=frozenset(
            name
            for row in rows
            if row[0] not in flying
            for name in (row[2], str(UUID(bytes=row[0])))
        )
        - {""},
    )


async def _blank(cursor: Cursor, ids: list[bytes]) -> None:
    """dedupe_key stays: it is a hash, and the same record must not be told again."""
    await cursor.run(
        "UPDATE notifier_notification SET recipient = '', payload = NULL, designer_name = NULL, "
        f"idempotency_key = NULL WHERE id IN ({marks(len(ids))})",
        ids,
    )
    await cursor.run(
        "UPDATE notifier_notification SET designer_name = NULL "
        f"WHERE parent_id IN ({marks(len(ids))})",
        ids,
    )
    await cursor.run(
        "UPDATE notifier_attempt SET detail = '', external_id = '' "
        f"WHERE notification_id IN ({marks(len(ids))})",
        ids,
    )
    await cursor.run(
        f"UPDATE notifier_rescheduled SET why = '' WHERE notification_id IN ({marks(len(ids))})",
        ids,
    )
    await cursor.run(
        f"DELETE FROM notifier_answer WHERE notification_id IN ({marks(len(ids))})", ids
    )
