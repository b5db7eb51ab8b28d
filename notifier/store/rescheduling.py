"""Let what waits be told at another moment: one transaction, under the rows' locks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from notifier.domain.intervention import Intervened, Moment
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role, State
from notifier.domain.placement import Placement, Places
from notifier.domain.timeline import Rescheduled
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import VALUES_FIRST, flat, marks, rows_of_marks, values_table

COLUMNS = "id, state, seq, attempt, channel, role, order_no, due_at, deadline_at, NOW(6)"
UPDATED = ("id", "state", "seq", "tier", "due_at", "next_sweep_at")
LONGEST_WHO = 96
LONGEST_WHY = 191


@dataclass(frozen=True, slots=True)
class _Row:
    id: bytes
    state: str
    seq: int
    attempt: int
    channel: str
    role: str
    order_no: str
    due_at: datetime
    deadline_at: datetime | None
    now: datetime

    def due_at_of(self, moment: Moment) -> datetime:
        """A moment in the past is now."""
        wanted = self.now + moment if isinstance(moment, timedelta) else moment
        return max(wanted, self.now)

    def refusal(self, due_at: datetime) -> str:
        """ "" where its moment may be changed."""
        match State(self.state):
            case State.SCHEDULED | State.WAITING:
                if self.deadline_at is not None and due_at > self.deadline_at:
                    return f"is not to be told after {self.deadline_at:%Y-%m-%d %H:%M:%S} UTC"
                return ""
            case State.IN_FLIGHT:
                return f"is in_flight: attempt {self.attempt} is under way; ask again after it"
            case State.DEAD | State.UNKNOWN:
                return f"is already {self.state}; `notifier dlq replay` tells again"
            case _:
                return f"is already {self.state}"

    def message(self, placement: Placement) -> Message:
        return Message(
            notification_id=UUID(bytes=self.id),
            seq=self.seq + 1,
            attempt=self.attempt,
            tier=placement.tier,
            due_at=placement.due_at,
            channel=ChannelName(self.channel),
            role=Role(self.role),
            order_no=self.order_no,
        )


class Rescheduling:
    def __init__(self, database: Database, *, places: Places) -> None:
        self._database = database
        self._places = places

    async def reschedule(
        self, ids: Sequence[UUID], moment: Moment, *, who: str, why: str
    ) -> list[Intervened]:
        """In the order of `ids` (keep it to some hundred); what waits keeps its step.

        The lock and the new `seq` make a message that still travels a stale one.
        Raises StoreUnavailable, StoreError.
        """
        async with self._database.transaction() as cursor:
            rows = await _lock(cursor, ids)
            results, updates, records = [], [], []
            for id_ in dict.fromkeys(ids):
                row = rows.get(id_.bytes)
                if row is None:
                    results.append(Intervened(id=id_, refused="does not exist"))
                    continue
                due_at = row.due_at_of(moment)
                refused = row.refusal(due_at)
                if refused:
                    results.append(Intervened(id=id_, order_no=row.order_no, refused=refused))
                    continue
                placement = self._places.place(due_at, row.now, step_delay=None)
                updates.append(_values(row, placement))
                records.append(_record(row, due_at, who=who, why=why))
                results.append(self._done(row, placement))
            await _write(cursor, updates, records)
        return results

    def _done(self, row: _Row, placement: Placement) -> Intervened:
        waits = placement.state is State.WAITING
        return Intervened(
            id=UUID(bytes=row.id),
            order_no=row.order_no,
            done=f"{placement.state}, attempt {row.attempt} is due "
            f"{placement.due_at:%Y-%m-%d %H:%M:%S} UTC",
            publish=row.message(placement) if waits else None,
            delay=self._places.delay_until(placement.due_at, row.now),
        )


async def rescheduled_of(
    database: Database, ids: Sequence[bytes]
) -> dict[bytes, list[Rescheduled]]:
    """By notification, the oldest change first."""
    found: dict[bytes, list[Rescheduled]] = {}
    if ids:
        rows = await database.fetch(
            "SELECT notification_id, changed_at, from_at, to_at, who, why "
            f"FROM notifier_rescheduled WHERE notification_id IN ({marks(len(ids))}) "
            "ORDER BY notification_id, seq",
            ids,
        )
        for row in rows:
            changed = Rescheduled(
                changed_at=row[1], from_at=row[2], to_at=row[3], who=row[4], why=row[5]
            )
            found.setdefault(row[0], []).append(changed)
    return found


async def _lock(cursor: Cursor, ids: Sequence[UUID]) -> dict[bytes, _Row]:
    wanted = sorted({id_.bytes for id_ in ids})
    rows = await cursor.fetch(
        f"SELECT {COLUMNS} FROM notifier_notification WHERE id IN ({marks(len(wanted))}) "
        "ORDER BY id FOR UPDATE",
        wanted,
    )
    return {row[0]: _Row(*row) for row in rows}


def _values(row: _Row, placement: Placement) -> tuple[Any, ...]:
    return (
        row.id,
        placement.state.value,
        row.seq + 1,
        placement.tier,
        placement.due_at,
        placement.next_sweep_at,
    )


def _record(row: _Row, due_at: datetime, *, who: str, why: str) -> tuple[Any, ...]:
    who, why = who[:LONGEST_WHO], why[:LONGEST_WHY]
    return (row.id, row.seq + 1, row.now, row.due_at, due_at, who, why)


async def _write(
    cursor: Cursor, updates: Sequence[tuple[Any, ...]], records: Sequence[tuple[Any, ...]]
) -> None:
    if not updates:
        return
    await cursor.run(
        f"UPDATE ({values_table(UPDATED, len(updates))}) v {VALUES_FIRST} notifier_notification n "
        f"ON n.id = v.id SET {', '.join(f'n.{name} = v.{name}' for name in UPDATED[1:])}, "
        "n.sweeps = 0, n.postponements = 0",
        flat(updates),
    )
    await cursor.run(
        f"INSERT INTO notifier_rescheduled VALUES {rows_of_marks(len(records), len(records[0]))}",
        flat(records),
    )
