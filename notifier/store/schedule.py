"""What time brings about: promotion from the calendar, what the broker lost, expired leases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role, State
from notifier.domain.placement import SWEEP_GRACE
from notifier.domain.rules import RuleBook
from notifier.domain.settle import InFlight, crash
from notifier.store.attempts import crashed_values, insert_attempts
from notifier.store.mysql import Cursor, Database
from notifier.store.next_rows import update_values, write_next
from notifier.store.pauses import resting_tiers
from notifier.store.sql import marks

Publish = Callable[[Sequence[tuple[Message, timedelta]]], Awaitable[None]]
"""Publish all and wait for every confirm, or raise BrokerUnavailable."""

POSTPONE = timedelta(seconds=30)
MOST_POSTPONEMENTS = 5
FIRST_BACKOFF_S = 30
LONGEST_BACKOFF_S = 600

MESSAGE = "id, seq, attempt, tier, due_at, channel, role, order_no, NOW(6)"
CRASHED = (
    "id, attempt, seq, step, tier, due_at, channel, role, order_no, ladder, crashes, "
    "unknown_since, cancel_requested, claimed_at, lease_owner, NOW(6)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """count: messages published. more: whether the batch was full, so that more may wait."""

    count: int
    more: bool


class Schedule:
    """Any number of fleets may do this at once: SKIP LOCKED keeps them apart."""

    def __init__(self, database: Database, *, rule_book: RuleBook, batch: int) -> None:
        self._database = database
        self._rule_book = rule_book
        self._batch = batch

    async def due(self) -> frozenset[State]:
        """The states of rows that somebody has to look at now: one cheap question for all three."""
        states = (State.SCHEDULED, State.IN_FLIGHT, State.WAITING)
        exists = (
            "EXISTS (SELECT 1 FROM notifier_notification WHERE state = %s "
            "AND next_sweep_at <= NOW(6))"
        )
        (row,) = await self._database.fetch(f"SELECT {', '.join([exists] * 3)}", states)
        return frozenset(state for state, is_due in zip(states, row, strict=True) if is_due)

    async def promote(self, publish: Publish) -> Swept:
        """Hand what is near to the broker: lock, publish confirmed, mark, commit.

        Dying in between costs a duplicate, which its `seq` makes harmless.
        """
        async with self._database.transaction() as cursor:
            rows = await self._take(cursor, MESSAGE, State.SCHEDULED)
            if rows:
                await publish([self._remaining(row) for row in rows])
                cursor.later(
                    "UPDATE notifier_notification SET state = 'waiting', "
                    "next_sweep_at = GREATEST(due_at, NOW(6)) + INTERVAL %s SECOND "
                    f"WHERE id IN ({marks(len(rows))})",
                    [int(SWEEP_GRACE.total_seconds()), *[row[0] for row in rows]],
                )
        return Swept(count=len(rows), more=len(rows) == self._batch)

    async def until_next(self) -> timedelta | None:
        """Until the calendar has to hand over its next row, by the database's clock; None: no row.

        One look into an index, cheap enough to be asked many times a second.
        """
        (row,) = await self._database.fetch(
            "SELECT MIN(next_sweep_at), NOW(6) FROM notifier_notification WHERE state = 'scheduled'"
        )
        return None if row[0] is None else row[0] - row[1]

    async def sweep(self, publish: Publish, busy: Collection[int]) -> Swept:
        """Publish again what the broker should have delivered and has not.

        busy: tiers whose queues have messages ready. Their rows are late, not lost, and looked at
        again later; at most five times, so that no message is hidden for ever. Those of a tier
        that rests wait in its queue, for as long as it does.
        """
        async with self._database.transaction() as cursor:
            found = await self._take(cursor, f"{MESSAGE}, postponements", State.WAITING, 10)
            resting = await resting_tiers(cursor) if found else set()
            resting.intersection_update(self._rule_book.places.tiers)
            _postpone(cursor, [row for row in found if row[3] in resting], counted=False)
            rows = [row for row in found if row[3] not in resting]
            late = [row for row in rows if row[3] in busy and row[9] < MOST_POSTPONEMENTS]
            lost = [row for row in rows if row[3] not in busy or row[9] >= MOST_POSTPONEMENTS]
            _postpone(cursor, late)
            if lost:
                await publish([self._remaining(row) for row in lost])
                cursor.later(
                    "UPDATE notifier_notification SET next_sweep_at = GREATEST(due_at, NOW(6)) + "
                    "INTERVAL LEAST(%s << LEAST(sweeps, 10), %s) SECOND, "
                    f"sweeps = LEAST(sweeps + 1, 10) WHERE id IN ({marks(len(lost))})",
                    [FIRST_BACKOFF_S, LONGEST_BACKOFF_S, *[row[0] for row in lost]],
                )
        return Swept(count=len(lost), more=len(found) == self._batch * 10)

    async def expire_leases(self, publish: Publish) -> Swept:
        """Close attempts whose process never recorded an outcome, and try again."""
        return await self._close_crashed(publish, "next_sweep_at <= NOW(6)", [])

    async def release_owner(self, owner: str, publish: Publish) -> Swept:
        """The same for a process that is known to be dead, without waiting for its leases."""
        return await self._close_crashed(publish, "lease_owner = %s", [owner])

    async def _close_crashed(
        self, publish: Publish, condition: str, arguments: Sequence[Any]
    ) -> Swept:
        messages: list[tuple[Message, timedelta]] = []
        async with self._database.transaction() as cursor:
            rows = await cursor.fetch(
                f"SELECT {CRASHED} FROM notifier_notification WHERE state = 'in_flight' "
                f"AND {condition} ORDER BY next_sweep_at LIMIT %s FOR UPDATE SKIP LOCKED",
                [*arguments, self._batch],
            )
            attempts, updates = [], []
            for row in rows:
                attempt, update, message = self._crash(row)
                attempts.append(attempt)
                updates.append(update)
                if message:
                    messages.append((message, timedelta(0)))
            insert_attempts(cursor, attempts)
            write_next(cursor, updates)
        if messages:
            await publish(messages)
        return Swept(count=len(messages), more=len(rows) == self._batch)

    def _crash(self, row: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[Any, ...], Message | None]:
        (id_, attempt, seq, step, tier, due_at, channel, role, order_no) = row[:9]
        (ladder, crashes, unknown_since, cancel, claimed_at, owner, now) = row[9:]
        in_flight = InFlight(
            seq=seq,
            step=step,
            attempt=attempt,
            crashes=crashes,
            unknown_since=unknown_since,
            cancel_requested=cancel,
        )
        after = crash(in_flight, self._rule_book.rules(ladder, channel), began=claimed_at, now=now)
        closed = crashed_values(
            (id_, attempt, seq, step, tier, due_at), claimed_at=claimed_at, now=now, owner=owner
        )
        update = update_values(id_, after, due_at, now)
        if after.state is not State.WAITING or after.due_at is None:
            return closed, update, None
        waiting = (id_, after.seq, after.attempt, after.tier, after.due_at, channel, role, order_no)
        return closed, update, message_of(waiting)

    def _remaining(self, row: Sequence[Any]) -> tuple[Message, timedelta]:
        """A row whose tier has no queue any more goes to the first one."""
        due_at: datetime = row[4]
        now: datetime = row[8]
        message = message_of(row)
        tiers = self._rule_book.places.tiers
        if message.tier not in tiers:
            message = replace(message, tier=tiers[0])
        return message, self._rule_book.places.delay_until(due_at, now)

    async def _take(
        self, cursor: Cursor, columns: str, state: State, batches: int = 1
    ) -> list[tuple[Any, ...]]:
        return await cursor.fetch(
            f"SELECT {columns} FROM notifier_notification WHERE state = %s "
            "AND next_sweep_at <= NOW(6) ORDER BY next_sweep_at LIMIT %s FOR UPDATE SKIP LOCKED",
            [state.value, self._batch * batches],
        )


def _postpone(cursor: Cursor, rows: Sequence[Sequence[Any]], *, counted: bool = True) -> None:
    if rows:
        cursor.later(
            "UPDATE notifier_notification SET postponements = postponements + %s, "
            f"next_sweep_at = NOW(6) + INTERVAL %s SECOND WHERE id IN ({marks(len(rows))})",
            [int(counted), int(POSTPONE.total_seconds()), *[row[0] for row in rows]],
        )


def message_of(row: Sequence[Any]) -> Message:
    """row: id, seq, attempt, tier, due_at, channel, role, order_no, …"""
    return Message(
        notification_id=UUID(bytes=row[0]),
        seq=row[1],
        attempt=row[2],
        tier=row[3],
        due_at=row[4],
        channel=ChannelName(row[5]),
        role=Role(row[6]),
        order_no=row[7],
    )
