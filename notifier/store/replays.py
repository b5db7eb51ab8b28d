"""Let what ended be told again: one transaction, under the rows' locks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from notifier.domain.intervention import Intervened
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role, State
from notifier.domain.placement import SWEEP_GRACE, Places
from notifier.domain.replay import Ended, refusal
from notifier.store.mysql import Cursor, Database
from notifier.store.orders import Orders
from notifier.store.sql import flat, marks, values_table

COLUMNS = (
    "id, state, seq, role, channel, recipient, order_book, order_no, order_id, deadline_at, NOW(6)"
)
GONE = "does not exist"


@dataclass(slots=True)
class _Row:
    """A locked row; an absent address is filled in from the order."""

    id: bytes
    state: str
    seq: int
    role: str
    channel: str
    recipient: str
    order_book: str
    order_no: str
    order_id: int | None
    deadline_at: datetime | None
    now: datetime


class Replays:
    """books: order tables by the row's `order_book`."""

    def __init__(self, database: Database, *, places: Places, books: Mapping[str, Orders]) -> None:
        self._database = database
        self._places = places
        self._books = books

    async def replay(self, ids: Sequence[UUID], *, force: bool) -> list[Intervened]:
        """From the first step on, due now; in the order of `ids` (keep it to some hundred).

        The lock and the new `seq` make of two replays at once a single one. The new climb forgets
        an earlier unknown outcome and, with force, the deadline. Raises StoreUnavailable.
        """
        async with self._database.transaction() as cursor:
            rows = await _lock(cursor, ids)
            await self._fill_addresses(cursor, rows.values())
            made = await _made(cursor, list(rows))
            results, updates = [], []
            for id_ in dict.fromkeys(ids):
                row = rows.get(id_.bytes)
                refused = self._refusal(row, force=force)
                if row is None or refused:
                    order_no = row.order_no if row else ""
                    results.append(Intervened(id=id_, order_no=order_no, refused=refused))
                    continue
                message = self._message(row, made.get(row.id, 0) + 1)
                updates.append(_values(row, message, force=force))
                results.append(_replayed(message))
            await self._write(cursor, updates)
        return results

    def _refusal(self, row: _Row | None, *, force: bool) -> str:
        if row is None:
            return GONE
        ended = Ended(
            state=State(row.state),
            recipient=row.recipient,
            deadline_at=row.deadline_at,
        )
        return refusal(ended, force=force, now=row.now)

    async def _fill_addresses(self, cursor: Cursor, rows: Any) -> None:
        """A publisher without an address may have got one since. Locks as a claim does."""
        nameless = [row for row in rows if not row.recipient and row.role == Role.PUBLISHER]
        for book, orders in self._books.items():
            mine = [row for row in nameless if row.order_book == book and row.order_id]
            found = (await orders.lock(cursor, [row.order_id for row in mine])).orders
            for row in mine:
                if row.order_id in found:
                    row.recipient = found[row.order_id].publisher

    def _message(self, row: _Row, attempt: int) -> Message:
        placement = self._places.place(row.now, row.now, step_delay=None)
        return Message(
            notification_id=UUID(bytes=row.id),
            seq=row.seq + 1,
            attempt=attempt,
            tier=placement.tier,
            due_at=row.now,
            channel=ChannelName(row.channel),
            role=Role(row.role),
            order_no=row.order_no,
        )

    async def _write(self, cursor: Cursor, updates: Sequence[tuple[Any, ...]]) -> None:
        if not updates:
            return
        columns = (
            *("id", "seq", "attempt", "tier", "due_at", "next_sweep_at"),
            *("recipient", "deadline_at"),
        )
        await cursor.run(
            f"UPDATE notifier_notification n JOIN ({values_table(columns, len(updates))}) v "
            f"ON n.id = v.id SET {', '.join(f'n.{name} = v.{name}' for name in columns[1:])}, "
            "n.state = 'waiting', n.reason = '', n.step = 0, n.crashes = 0, n.sweeps = 0, "
            "n.postponements = 0, n.cancel_requested = '', n.unknown_since = NULL, "
            "n.settled_at = NULL",
            flat(updates),
        )


async def _lock(cursor: Cursor, ids: Sequence[UUID]) -> dict[bytes, _Row]:
    wanted = sorted({id_.bytes for id_ in ids})
    rows = await cursor.fetch(
        f"SELECT {COLUMNS} FROM notifier_notification WHERE id IN ({marks(len(wanted))}) "
        "ORDER BY id FOR UPDATE",
        wanted,
    )
    return {row[0]: _Row(*row) for row in rows}


async def _made(cursor: Cursor, ids: Sequence[bytes]) -> dict[bytes, int]:
    """The number of the last attempt that is on record."""
    if not ids:
        return {}
    rows = await cursor.fetch(
        "SELECT notification_id, MAX(attempt) FROM notifier_attempt "
        f"WHERE notification_id IN ({marks(len(ids))}) GROUP BY notification_id",
        ids,
    )
    return {row[0]: row[1] for row in rows}


def _values(row: _Row, message: Message, *, force: bool) -> tuple[Any, ...]:
    return (
        row.id,
        message.seq,
        message.attempt,
        message.tier,
        message.due_at,
        message.due_at + SWEEP_GRACE,
        row.recipient,
        None if force else row.deadline_at,
    )


def _replayed(message: Message) -> Intervened:
    return Intervened(
        id=message.notification_id,
        order_no=message.order_no,
        done=f"waiting, attempt {message.attempt} is due now",
        publish=message,
    )
