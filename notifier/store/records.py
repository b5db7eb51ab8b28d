"""The record's transaction: what a batch of attempts came to, guarded by their leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
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
from notifier.store.sql import VALUES_FIRST, flat, marks, values_table

LONGEST_REASON = 191
UPDATED = (
    "id",
    "state",
    "reason",
    "seq",
    "step",
    "attempt",
    "tier",
    "due_at",
    "next_sweep_at",
    "unknown_since",
    "crashes",
    "settled_at",
)


class Records:
    def __init__(self, database: Database, *, rule_book: RuleBook, worker: str) -> None:
        self._database = database
        self._rule_book = rule_book
        self._worker = worker

    async def record(self, attempts: Sequence[Attempted]) -> list[Recorded]:
        """Write outcomes, in one transaction; results in the order given.

        Raises StoreUnavailable: try again, a record is idempotent by its lease.
        """
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
        f"WHERE id IN ({marks(len(ids))}) ORDER BY id FOR UPDATE",
        ids,
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


def update_values(id_: bytes, after: Next, due_at: datetime, now: datetime) -> tuple[Any, ...]:
    """In the order of UPDATED. A terminal row keeps its last due_at, for people to see."""
    return (
        id_,
        after.state.value,
        after.reason[:LONGEST_REASON],
        after.seq,
        after.step,
        after.attempt,
        after.tier or 0,
        after.due_at or due_at,
        after.next_sweep_at,
        after.unknown_since,
        after.crashes,
        None if after.due_at else now,
    )


def write_next(cursor: Cursor, updates: Sequence[tuple[Any, ...]]) -> None:
    """The rows' new values; the caller holds their locks."""
    if not updates:
        return
    cursor.later(
        f"UPDATE ({values_table(UPDATED, len(updates))}) v {VALUES_FIRST} notifier_notification n "
        "ON n.id = v.id SET n.state = v.state, n.reason = v.reason, n.seq = v.seq, "
        "n.step = v.step, n.attempt = v.attempt, n.tier = IF(v.tier = 0, n.tier, v.tier), "
        "n.due_at = v.due_at, n.next_sweep_at = v.next_sweep_at, "
        "n.unknown_since = v.unknown_since, n.crashes = v.crashes, n.settled_at = v.settled_at, "
        "n.sweeps = 0, n.postponements = 0, "
        "n.lease_token = NULL, n.lease_until = NULL, n.lease_owner = NULL",
        flat(updates),
    )


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
