"""The claim's transaction: leases, and the dispatch of orders, for a batch of messages at once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from notifier.domain import claim, dispatch
from notifier.domain.ladder import Ladder
from notifier.domain.lease import Claimed, Ended, Lease, Superseded
from notifier.domain.message import Message
from notifier.domain.notification import Role, State
from notifier.domain.order import OrderRow, OrderStatus
from notifier.domain.outcome import Outcome, Permanent, Retry
from notifier.domain.placement import Places
from notifier.store.locked_row import COLUMNS, LockedRow
from notifier.store.mysql import Cursor, Database
from notifier.store.orders import Assignment, Orders
from notifier.store.plain_claims import claim_plain
from notifier.store.publishers import Start, insert_publishers, publisher_of, start_of
from notifier.store.sql import listed, literal

HELD_WAIT = timedelta(seconds=1)
"""Until an order is looked at again that the application holds locked."""

_Orders = dict[tuple[str, int], OrderRow | None]
ClaimResult = Claimed | Ended | Superseded | claim.Forget | claim.TooEarly | claim.NoRow


@dataclass(slots=True)
class _Plan:
    """What the transaction is going to write.

    asked_s: when it began, by the monotonic clock. dispatched: of the claimed. assignments: by
    order book. starts: of publishers' notifications, by ladder.
    """

    token: bytes
    asked_s: float
    claimed: list[bytes] = field(default_factory=list)
    dispatched: set[bytes] = field(default_factory=set)
    assignments: dict[str, list[Assignment]] = field(default_factory=dict)
    cancelled: dict[str, list[bytes]] = field(default_factory=dict)
    publishers: list[tuple[Any, ...]] = field(default_factory=list)
    starts: dict[str, Start] = field(default_factory=dict)
    put_off: list[tuple[datetime, bytes]] = field(default_factory=list)


class Claims:
    """Claims batches of messages.

    books: order tables by the row's `order_book`. ladders: by name.
    """

    def __init__(
        self,
        database: Database,
        *,
        lease: Lease,
        books: Mapping[str, Orders],
        ladders: Mapping[str, Ladder],
        places: Places,
    ) -> None:
        self._database = database
        self._lease = lease
        self._books = books
        self._ladders = ladders
        self._places = places

    async def claim_plain(self, messages: Sequence[Message]) -> list[Claimed | None]:
        """Those that are no designer's, the quick way; see `plain_claims`."""
        return await claim_plain(self._database, self._lease, messages)

    async def claim(self, requests: Sequence[tuple[Message, bool]]) -> list[ClaimResult]:
        """One transaction for all; results in the order of the requests (message, redelivered).

        Raises StoreUnavailable (nothing claimed, or the leases run out) or StoreError.
        """
        async with self._database.transaction() as cursor:
            plan = _Plan(token=secrets.token_bytes(16), asked_s=monotonic())
            rows = await self._lock(cursor, requests)
            orders = await self._lock_orders(cursor, rows.values())
            results = [self._decide(request, rows, orders, plan) for request in requests]
            self._write(cursor, plan, rows)
        return results

    async def _lock(
        self, cursor: Cursor, requests: Sequence[tuple[Message, bool]]
    ) -> dict[bytes, LockedRow]:
        ids = sorted({message.notification_id.bytes for message, _ in requests})
        found = await cursor.fetch(
            f"SELECT {COLUMNS} FROM notifier_notification WHERE id IN (%s) ORDER BY id FOR UPDATE",
            [listed(ids)],
        )
        return {row[0]: LockedRow(*row) for row in found}

    async def _lock_orders(self, cursor: Cursor, rows: Any) -> _Orders:
        """By book and number; None for one that somebody else holds locked."""
        locked: _Orders = {}
        for book, orders in self._books.items():
            wanted = [
                row.order_id
                for row in rows
                if row.order_book == book and row.role == Role.DESIGNER and row.state == "waiting"
            ]
            found = await orders.lock(cursor, wanted)
            locked |= {(book, order_id): order for order_id, order in found.orders.items()}
            locked |= {(book, order_id): None for order_id in found.held}
        return locked

    def _decide(
        self,
        request: tuple[Message, bool],
        rows: dict[bytes, LockedRow],
        orders: _Orders,
        plan: _Plan,
    ) -> ClaimResult:
        message, redelivered = request
        row = rows.get(message.notification_id.bytes)
        decision = claim.decide(
            row.cursor() if row else None,
            seq=message.seq,
            redelivered=redelivered,
            now=row.now if row else datetime.min,
        )
        if row is None or isinstance(decision, claim.Forget | claim.NoRow):
            return decision  # type: ignore[return-value]
        if isinstance(decision, claim.TooEarly):
            return self._wait(row, decision.remaining, plan)
        if isinstance(decision, claim.PublishLater):
            delay = self._places.delay_until(row.due_at, row.now)
            return Superseded(message=row.message(), delay=delay)
        if row.deadline_at is not None and row.deadline_at < row.now:
            return self._claim(row, plan, refused=Permanent(code="expired"))
        if row.role == Role.DESIGNER and row.order_book in self._books:
            return self._dispatch(row, orders, plan)
        return self._claim(row, plan)

    def _dispatch(self, row: LockedRow, orders: _Orders, plan: _Plan) -> ClaimResult:
        key = (row.order_book, row.order_id or 0)
        order = orders.get(key)
        if order is None and key in orders:
            return self._wait(row, HELD_WAIT, plan)
        verdict = dispatch.decide(
            order, designer_id=row.designer_id or 0, dispatched_at=row.dispatched_at
        )
        match verdict:
            case dispatch.Missing():
                refused = Retry(code="unknown_order", detail=f"no order {row.order_id}")
                return self._claim(row, plan, refused=refused)
            case dispatch.Taken(reason=reason):
                row.state = State.CANCELLED
                plan.cancelled.setdefault(reason, []).append(row.id)
                return Ended(state=State.CANCELLED, reason=reason)
            case dispatch.AlreadyOurs():
                return self._claim(row, plan)
            case dispatch.Dispatch(publisher=publisher):
                if order is not None:
                    orders[key] = OrderRow(
                        order_id=order.order_id,
                        status=OrderStatus.DESIGNING,
                        designer_id=row.designer_id,
                        publisher=publisher,
                    )
                return self._assign(row, plan, publisher)

    def _wait(self, row: LockedRow, remaining: timedelta, plan: _Plan) -> ClaimResult:
        """In the broker, or in the calendar where the broker cannot hold exactly this delay."""
        if remaining <= claim.WORTH_WAITING or self._places.delays.can_hold(remaining):
            return claim.TooEarly(remaining=remaining)
        row.state = State.SCHEDULED
        plan.put_off.append((row.now + remaining - self._places.lead, row.id))
        return claim.Forget(reason="left to the calendar")

    def _assign(self, row: LockedRow, plan: _Plan, publisher: str) -> Claimed:
        assignment = Assignment(row.order_id or 0, row.designer_id or 0, row.designer_name or "")
        plan.assignments.setdefault(row.order_book, []).append(assignment)
        plan.dispatched.add(row.id)
        row.dispatched_at = row.now
        if not self._books[row.order_book].tells_publishers:
            return self._claim(row, plan)
        values, message = publisher_of(row, publisher, self._start(row, plan))
        plan.publishers.append(values)
        return self._claim(row, plan, publish=(message,) if message else ())

    def _claim(
        self,
        row: LockedRow,
        plan: _Plan,
        *,
        refused: Outcome | None = None,
        publish: tuple[Message, ...] = (),
    ) -> Claimed:
        plan.claimed.append(row.id)
        row.state = State.IN_FLIGHT
        until = row.now + self._lease.duration
        return row.claimed(
            plan.token, until, asked_s=plan.asked_s, refused=refused, publish=publish
        )

    def _start(self, row: LockedRow, plan: _Plan) -> Start:
        """The publisher's; one transaction has one moment, so it is the same for many."""
        start = plan.starts.get(row.ladder)
        if start is None:
            ladder = self._ladders.get(row.ladder) or self._ladders["default"]
            delay = ladder.delay(0)
            place = self._places.place(row.now + delay, row.now, step_delay=delay)
            start = plan.starts[row.ladder] = start_of(place, row.now)
        return start

    def _write(self, cursor: Cursor, plan: _Plan, rows: dict[bytes, LockedRow]) -> None:
        for book, assignments in plan.assignments.items():
            self._books[book].assign(cursor, assignments)
        insert_publishers(cursor, plan.publishers)
        if plan.claimed:
            self._write_claimed(cursor, plan, rows[plan.claimed[0]].now)
        for moment, id_ in plan.put_off:
            cursor.later(
                "UPDATE notifier_notification SET state = 'scheduled', next_sweep_at = %s "
                "WHERE id = %s",
                [moment, id_],
            )
        for reason, ids in plan.cancelled.items():
            cursor.later(
                "UPDATE notifier_notification SET state = 'cancelled', reason = %s, "
                "settled_at = NOW(6), next_sweep_at = NULL WHERE id IN (%s)",
                [reason, listed(ids)],
            )

    def _write_claimed(self, cursor: Cursor, plan: _Plan, now: datetime) -> None:
        until = now + self._lease.duration
        others = [id_ for id_ in plan.claimed if id_ not in plan.dispatched]
        for ids, dispatched_at in ((plan.dispatched, literal(now)), (others, "dispatched_at")):
            if ids:
                cursor.later(
                    "UPDATE notifier_notification SET state = 'in_flight', lease_token = %s, "
                    "lease_until = %s, next_sweep_at = %s, lease_owner = %s, claimed_at = %s, "
                    f"dispatched_at = {dispatched_at} WHERE id IN (%s)",
                    [plan.token, until, until, self._lease.owner, now, listed(ids)],
                )
