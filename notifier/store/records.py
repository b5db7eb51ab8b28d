"""The record's transaction: what a batch of attempts came to, guarded by their leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from notifier.domain.lease import Attempted, Claimed, PutOff, Recorded
from notifier.domain.message import Message
from notifier.domain.notification import State
from notifier.domain.outcome import Sent
from notifier.domain.rules import RuleBook
from notifier.domain.settle import InFlight, Next, Rules, release, settle
from notifier.store.answers import insert_answers
from notifier.store.attempts import attempt_values, insert_attempts, mark_late_success
from notifier.store.mysql import Cursor, Database
from notifier.store.next_rows import (
    lock_in_order,
    update_values,
    write_next,
    write_next_of_ours,
    write_sent_of_ours,
)
from notifier.store.sql import listed

SENT = Recorded(state=State.SENT)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Records:
    def __init__(self, database: Database, *, rule_book: RuleBook, worker: str) -> None:
        self._database = database
        self._rule_book = rule_book
        self._worker = worker

    async def record(self, attempts: Sequence[Attempted]) -> list[Recorded]:
        """Write outcomes, in one transaction; results in the order given.

        Nearly always all leases are still ours: that is found out by writing, instead of reading
        the rows first.

        Raises StoreUnavailable: try again, a record is idempotent by its lease.
        """
        try:
            return await self._record_ours(attempts)
        except _NotAllOurs:
            return await self._record_each(attempts)

    async def _record_ours(self, attempts: Sequence[Attempted]) -> list[Recorded]:
        """Raises _NotAllOurs: nothing was written."""
        batch = _Batch(worker=self._worker)
        results = [batch.add(item, self._settle(item, "")) for item in attempts]
        async with self._database.transaction() as cursor:
            if batch.leases and batch.updates:
                lock_in_order(cursor, {item.claimed.notification.id.bytes for item in attempts})
            write_sent_of_ours(cursor, batch.leases, batch.ended)
            write_next_of_ours(cursor, batch.updates)
            # Of both statements, or of BEGIN and one.
            changed = (await cursor.send())[-2:]
            if sum(changed) != len(attempts):
                raise _NotAllOurs
            insert_attempts(cursor, batch.rows)
            insert_answers(cursor, attempts)
        return results

    async def _record_each(self, attempts: Sequence[Attempted]) -> list[Recorded]:
        """With a look at every row, and under its lock."""
        async with self._database.transaction() as cursor:
            held = await _lock(cursor, [item.claimed for item in attempts])
            results, updates, rows = [], [], []
            ours: list[Attempted] = []
            late: list[Attempted] = []
            for item in attempts:
                state = held.get(item.claimed.notification.id.bytes)
                if not _is_ours(state, item.claimed):
                    results.append(_lost(item, state, late))
                    continue
                after = self._settle(item, state.cancel_requested if state else "")
                updates.append(_update(item.claimed, after, item.ended))
                if after.attempted:
                    rows.append(attempt_values(item, after.attempted, self._worker))
                    ours.append(item)
                results.append(_recorded(item.claimed, after))
            insert_attempts(cursor, rows)
            insert_answers(cursor, [*ours, *late])
            write_next(cursor, updates)
            await mark_late_success(cursor, late, self._worker)
        return results

    async def release(self, claims: Sequence[PutOff]) -> list[Recorded]:
        """Give claims back that were never begun."""
        async with self._database.transaction() as cursor:
            held = await _lock(cursor, [each.claimed for each in claims])
            results, updates = [], []
            for each in claims:
                claimed = each.claimed
                state = held.get(claimed.notification.id.bytes)
                if state is None or not _is_ours(state, claimed):
                    results.append(Recorded(state=State.WAITING, lost=True))
                    continue
                rules = self._rules_of(claimed)
                row = _with_request(claimed.row, state.cancel_requested)
                after = release(
                    row,
                    rules,
                    until=each.until,
                    now=claimed.now,
                    reason=each.reason,
                    is_exact=each.is_exact,
                )
                updates.append(_update(claimed, after, claimed.now))
                results.append(_recorded(claimed, after))
            write_next(cursor, updates)
        return results

    def _settle(self, item: Attempted, cancel_requested: str) -> Next:
        row = _with_request(item.claimed.row, cancel_requested)
        rules = self._rules_of(item.claimed)
        return settle(row, item.outcome, rules, began=item.began, now=item.ended)

    def _rules_of(self, claimed: Claimed) -> Rules:
        return self._rule_book.rules(claimed.ladder, claimed.notification.channel)


class _NotAllOurs(Exception):
    """A lease was lost, or somebody wished to cancel."""


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What is going to be written if all leases are ours."""

    worker: str
    leases: dict[bytes, list[bytes]] = field(default_factory=dict)
    ended: datetime = LONG_AGO
    updates: list[tuple[Any, ...]] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, item: Attempted, after: Next) -> Recorded:
        claimed = item.claimed
        self.rows.append(attempt_values(item, after.attempted, self.worker))
        if after.state is State.SENT:
            self.leases.setdefault(claimed.token, []).append(claimed.notification.id.bytes)
            self.ended = max(self.ended, item.ended)
            return SENT
        self.updates.append((*_update(claimed, after, item.ended), claimed.token))
        return _recorded(claimed, after)


@dataclass(frozen=True, slots=True)
class _Held:
    state: str
    attempt: int
    token: bytes | None
    cancel_requested: str


async def _lock(cursor: Cursor, claims: Sequence[Claimed]) -> dict[bytes, _Held]:
    ids = sorted({claimed.notification.id.bytes for claimed in claims})
    rows = await cursor.fetch(
        "SELECT id, state, attempt, lease_token, cancel_requested FROM notifier_notification "
        "WHERE id IN (%s) ORDER BY id FOR UPDATE",
        [listed(ids)],
    )
    return {row[0]: _Held(*row[1:]) for row in rows}


def _is_ours(held: _Held | None, claimed: Claimed) -> bool:
    if held is None or held.state != State.IN_FLIGHT:
        return False
    return held.token == claimed.token and held.attempt == claimed.row.attempt


def _lost(item: Attempted, held: _Held | None, late: list[Attempted]) -> Recorded:
    """Without the lease only a success still counts: somebody was told, whatever the row thinks."""
    state = State(held.state) if held else State.DEAD
    if isinstance(item.outcome, Sent) and held is not None:
        late.append(item)
        if state in (State.WAITING, State.IN_FLIGHT, State.SCHEDULED):
            state = State.SENT
    return Recorded(state=state, lost=True)


def _with_request(row: InFlight, cancel_requested: str) -> InFlight:
    return replace(row, cancel_requested=cancel_requested) if cancel_requested else row


def _update(claimed: Claimed, after: Next, now: datetime) -> tuple[Any, ...]:
    return update_values(claimed.notification.id.bytes, after, claimed.due_at, now)


def _recorded(claimed: Claimed, after: Next) -> Recorded:
    if after.state is not State.WAITING or after.due_at is None:
        return Recorded(state=after.state, reason=after.reason)
    return Recorded(state=after.state, next=_next_message(claimed, after, after.due_at))


def _next_message(claimed: Claimed, after: Next, due_at: datetime) -> Message:
    notification = claimed.notification
    return Message(
        notification_id=UUID(bytes=notification.id.bytes),
        seq=after.seq,
        attempt=after.attempt,
        tier=after.tier or claimed.tier,
        due_at=due_at,
        channel=notification.channel,
        role=notification.role,
        order_no=notification.order_no,
    )
