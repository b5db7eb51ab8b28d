"""Real rows: accepted, claimed and recorded by the classes that do it in the fleet."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from notifier.domain.audit import Audit
from notifier.domain.delay import AnyDelay
from notifier.domain.ladder import Ladder, ladder_of
from notifier.domain.lease import Attempted, Claimed, Lease, Recorded
from notifier.domain.message import Message
from notifier.domain.notification import State
from notifier.domain.order import OrderRecord
from notifier.domain.outcome import Outcome, Sent
from notifier.domain.placement import Places
from notifier.domain.rules import Guarantees, RuleBook
from notifier.domain.submission import of_record
from notifier.store.accept import Acceptor
from notifier.store.audit import Auditor
from notifier.store.claims import Claims
from notifier.store.mysql import Database
from notifier.store.orders import Orders, OrderTable
from notifier.store.playground import OpenOrder, put_orders
from notifier.store.records import Records
from notifier.store.schedule import MESSAGE, Schedule, message_of
from notifier.store.timelines import Timelines

FAST = ladder_of("default", [0, 0.01, 0.01])
DESIGNER = 13926
OPENID = "oLvqQwo25p5myELvO5VXj0k-7ngk"
PROTECTED = timedelta(seconds=600)
LEASE = Lease(owner="host/tier-1/1", duration=timedelta(seconds=24))


@dataclass(frozen=True, slots=True)
class Scene:
    database: Database
    ladder: Ladder = FAST

    @property
    def books(self) -> dict[str, Orders]:
        return {"orders": Orders(OrderTable())}

    @property
    def rule_book(self) -> RuleBook:
        guarantees = Guarantees(protected_for=PROTECTED, send_timeout=timedelta(seconds=7))
        return RuleBook(
            ladders={"default": self.ladder},
            places=self.places,
            channels={"wechat": guarantees},
            pause=timedelta(seconds=60),
        )

    async def accept(
        self, number: int = 1, *, due_at: datetime | None = None, again: bool = False
    ) -> UUID:
        """The designer's notification of an open order; due at once if nothing else is said."""
        order_no, publisher = order_no_of(number), f"oPublisher_{number:04}"
        order = OpenOrder(order_id=number, order_no=order_no, publisher_openid=publisher)
        await put_orders(self.database, "tg_order_task", [order])
        record = OrderRecord(
            order_no=order_no,
            order_id=number,
            claim_deadline=due_at or datetime(2020, 1, 1, tzinfo=UTC),
            openid=OPENID,
            designer_name="李伟测试",
            designer_id=DESIGNER,
        )
        acceptor = Acceptor(self.database, ladders={"default": self.ladder}, places=self.places)
        return (await acceptor.accept([of_record(record, again=again)])).accepted[0].id

    async def claim(self, id_: UUID) -> Claimed:
        """Wait until it is due, and claim it."""
        (result,) = await self.claims.claim([(await self.due_message(id_), False)])
        assert isinstance(result, Claimed), result
        return result

    async def due_message(self, id_: UUID) -> Message:
        """What the broker delivers, when its moment has come."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            row = await self._row(f"{MESSAGE}, due_at <= NOW(6)", id_)
            if row[-1]:
                return message_of(row)
            await asyncio.sleep(0.005)
        raise AssertionError(f"not due: {row}")

    @property
    def claims(self) -> Claims:
        return Claims(
            self.database,
            lease=LEASE,
            books=self.books,
            ladders={"default": self.ladder},
            places=self.places,
        )

    async def record(self, claimed: Claimed, outcome: Outcome) -> Recorded:
        now = (await self.database.fetch("SELECT NOW(6)"))[0][0]
        attempted = Attempted(claimed=claimed, outcome=outcome, began=claimed.now, ended=now)
        return (await self.records.record([attempted]))[0]

    async def attempt(self, id_: UUID, *outcomes: Outcome) -> Recorded:
        """One attempt after the other."""
        for outcome in outcomes:
            recorded = await self.record(await self.claim(id_), outcome)
        return recorded

    async def tell(self, number: int = 1) -> tuple[UUID, UUID]:
        """An order that went well: its designer's and its publisher's notification, both sent."""
        designer = await self.accept(number)
        await self.attempt(designer, Sent(external_id="1"))
        publisher = await self.publisher_of(designer)
        await self.attempt(publisher, Sent(external_id="2"))
        return designer, publisher

    async def publisher_of(self, designer: UUID) -> UUID:
        rows = await self.database.fetch(
            "SELECT id FROM notifier_notification WHERE parent_id = %s", [designer.bytes]
        )
        return UUID(bytes=rows[0][0])

    async def expire(self, id_: UUID) -> None:
        """Its process died: the lease runs out and the calendar closes the attempt."""
        await self.change(id_, "lease_until = NOW(6), next_sweep_at = NOW(6)")

        async def publish(messages: object) -> None: ...

        schedule = Schedule(self.database, rule_book=self.rule_book, batch=100)
        await schedule.expire_leases(publish)

    async def state(self, id_: UUID) -> State:
        return State((await self._row("state", id_))[0])

    async def value(self, id_: UUID, columns: str) -> Any:
        """One column's value, or a tuple of several."""
        row = await self._row(columns, id_)
        return row if len(row) > 1 else row[0]

    async def change(self, id_: UUID, assignments: str) -> None:
        """What no code of ours would do."""
        await self.database.run(
            f"UPDATE notifier_notification SET {assignments} WHERE id = %s", [id_.bytes]
        )

    async def change_attempt(self, id_: UUID, attempt: int, assignments: str) -> None:
        await self.database.run(
            f"UPDATE notifier_attempt SET {assignments} WHERE notification_id = %s "
            "AND attempt = %s",
            [id_.bytes, attempt],
        )

    async def audit(self, ladder: Ladder | None = None) -> Audit:
        auditor = Auditor(
            self.database, books=self.books, ladders={"default": ladder or self.ladder}
        )
        return await auditor.audit()

    @property
    def records(self) -> Records:
        return Records(self.database, rule_book=self.rule_book, worker=LEASE.owner)

    @property
    def timelines(self) -> Timelines:
        return Timelines(self.database)

    @property
    def places(self) -> Places:
        return Places(tiers=(1, 3), horizon=timedelta(seconds=60), delays=AnyDelay())

    async def _row(self, columns: str, id_: UUID) -> tuple[Any, ...]:
        rows = await self.database.fetch(
            f"SELECT {columns} FROM notifier_notification WHERE id = %s", [id_.bytes]
        )
        return rows[0]


def order_no_of(number: int) -> str:
    return f"1912{number:09}"
