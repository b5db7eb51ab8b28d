"""The core on a real database: a schema of its own, and short ways to look at its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from notifier.domain.delay import AnyDelay
from notifier.domain.ladder import ladder_of
from notifier.domain.lease import Attempted, Claimed, Lease
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role
from notifier.domain.order import OrderRecord
from notifier.domain.outcome import Outcome
from notifier.domain.placement import Places
from notifier.domain.rules import Guarantees, RuleBook
from notifier.domain.submission import Submission, of_record
from notifier.stack import Stack
from notifier.store.accept import Acceptance, Acceptor
from notifier.store.claims import Claims
from notifier.store.mysql import Database, MysqlOptions
from notifier.store.orders import Orders, OrderTable
from notifier.store.playground import OpenOrder, make_order_table, put_orders
from notifier.store.records import Records
from notifier.store.schedule import Schedule
from notifier.store.upgrade import upgrade

SECOND = timedelta(seconds=1)
TIERS = (1, 3, 5, 15, 30)
PROTECTED_FOR = 600 * SECOND
SEND_TIMEOUT = 2 * SECOND
PAUSE = 20 * SECOND
DESIGNER = 13926
LADDERS = {
    "default": ladder_of("default", TIERS),
    "quick": ladder_of("quick", [0, 0.02, 0.04]),
    "short": ladder_of("short", [0]),
    "impatient": ladder_of("impatient", [1, 3], give_up_after_s=60),
}
PLACES = Places(tiers=TIERS, horizon=60 * SECOND, delays=AnyDelay())
RULE_BOOK = RuleBook(
    ladders=LADDERS,
    places=PLACES,
    channels={
        "wechat": Guarantees(protected_for=PROTECTED_FOR, send_timeout=SEND_TIMEOUT),
        "webhook": Guarantees(protected_for=None, send_timeout=SEND_TIMEOUT),
        "push": Guarantees(protected_for=timedelta(0), send_timeout=SEND_TIMEOUT),
    },
    pause=PAUSE,
)

_numbers = count(1)


@contextmanager
def own_schema(stack: Stack, *, upgraded: bool = True) -> Iterator[MysqlOptions]:
    """A schema with notifier's tables and an order table to play with; gone at the end."""
    server = stack.environment()["NOTIFIER_MYSQL_URL"].rsplit("/", 1)[0]
    name = f"notifier_s{uuid4().hex[:8]}"
    options = MysqlOptions(url=f"{server}/{name}", pool_size=8)
    admin = MysqlOptions(url=stack.environment()["NOTIFIER_MYSQL_URL"])
    asyncio.run(_once(admin, f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    try:
        if upgraded:
            upgrade(options)
            asyncio.run(_once(options, None))
        yield options
    finally:
        asyncio.run(_once(admin, f"DROP DATABASE {name}"))


async def _once(options: MysqlOptions, sql: str | None) -> None:
    database = Database(options)
    if sql is None:
        await make_order_table(database)
    else:
        await database.run(sql)
    await database.close()


@dataclass(slots=True)
class Core:
    """owner: the process that claims. places: what it takes the broker to hold."""

    database: Database
    owner: str = "test-1"
    lease: timedelta = 30 * SECOND
    places: Places = PLACES
    books: dict[str, Orders] = field(default_factory=lambda: {"orders": Orders(OrderTable())})

    @property
    def claims(self) -> Claims:
        return Claims(
            self.database,
            lease=Lease(owner=self.owner, duration=self.lease),
            books=self.books,
            ladders=LADDERS,
            places=self.places,
        )

    @property
    def records(self) -> Records:
        return Records(self.database, rule_book=RULE_BOOK, worker=self.owner)

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.database, rule_book=RULE_BOOK, batch=500)

    @property
    def acceptor(self) -> Acceptor:
        return Acceptor(self.database, ladders=LADDERS, places=PLACES)

    async def empty(self) -> None:
        for table in (
            "notifier_notification",
            "notifier_attempt",
            "notifier_rescheduled",
            "notifier_pause",
            "notifier_pause_ended",
            "notifier_outbox",
            "notifier_outbox_rejected",
            "notifier_intake_rejected",
            "notifier_answer",
            "notifier_receipt",
            "notifier_undelivered",
            "notifier_endpoint",
            "tg_log_order_dispatch",
            "tg_order_task",
        ):
            await self.database.run(f"DELETE FROM {table}")

    async def put_order(self, *, publisher: str = "oPublisher_1", **columns: object) -> OrderRecord:
        """An open order; columns: what else its row says."""
        number = next(_numbers)
        record = OrderRecord(
            order_no=f"1912{number:09d}",
            order_id=number,
            claim_deadline=datetime(2020, 1, 1, tzinfo=UTC),
            openid=f"oDesigner_{number:08d}",
            designer_name="李伟测试",
            designer_id=DESIGNER,
        )
        order = OpenOrder(order_id=number, order_no=record.order_no, publisher_openid=publisher)
        await put_orders(self.database, "tg_order_task", [order])
        if columns:
            await self.set_order(number, **columns)
        return record

    async def set_order(self, order_id: int, **columns: object) -> None:
        names = ", ".join(f"{name} = %s" for name in columns)
        await self.database.run(
            f"UPDATE tg_order_task SET {names} WHERE order_id = %s", [*columns.values(), order_id]
        )

    async def order(self, order_id: int) -> dict[str, Any]:
        columns = "status, design_userid, design_username, design_time"
        rows = await self.database.fetch(
            f"SELECT {columns} FROM tg_order_task WHERE order_id = %s", [order_id]
        )
        return dict(zip(columns.split(", "), rows[0], strict=True))

    async def accept(self, *submissions: Submission) -> Acceptance:
        return await self.acceptor.accept(submissions)

    async def due(self, submission: Submission | None = None, **columns: object) -> Message:
        """An accepted notification whose moment has come; columns: what else its row says."""
        accepted = await self.accept(submission or anybody())
        id_ = accepted.accepted[0].id
        await self.set(id_, state="waiting", **columns)
        await self.make_due(id_)
        return (await self.message(id_))[0]

    async def due_order(self, **columns: object) -> tuple[Message, OrderRecord]:
        record = await self.put_order(**columns)  # type: ignore[arg-type]
        return await self.due(of_record(record)), record

    async def make_due(self, id_: UUID) -> None:
        await self.database.run(
            "UPDATE notifier_notification SET due_at = NOW(6) - INTERVAL 10 MICROSECOND, "
            "next_sweep_at = NOW(6) + INTERVAL 20 SECOND WHERE id = %s",
            [id_.bytes],
        )

    async def set(self, id_: UUID, **columns: object) -> None:
        for name, value in columns.items():
            await self.database.run(
                f"UPDATE notifier_notification SET {name} = %s WHERE id = %s", [value, id_.bytes]
            )

    async def shift(self, id_: UUID, column: str, seconds: float) -> None:
        """Set a moment of the row to the database's now plus so many seconds."""
        await self.database.run(
            f"UPDATE notifier_notification SET {column} = NOW(6) + INTERVAL %s MICROSECOND "
            "WHERE id = %s",
            [int(seconds * 1_000_000), id_.bytes],
        )

    async def row(self, id_: UUID) -> dict[str, Any]:
        columns = (
            "state, reason, seq, step, attempt, tier, due_at, next_sweep_at, lease_token, "
            "lease_until, lease_owner, crashes, unknown_since, cancel_requested, dispatched_at, "
            "settled_at, sweeps, postponements, role, recipient, parent_id, deadline_at, "
            "NOW(6) AS now"
        )
        rows = await self.database.fetch(
            f"SELECT {columns} FROM notifier_notification WHERE id = %s", [id_.bytes]
        )
        names = [name.split(" AS ")[-1] for name in columns.split(", ")]
        return dict(zip(names, rows[0], strict=True))

    async def message(self, id_: UUID) -> tuple[Message, timedelta]:
        """What the broker should hold for the row, and for how long."""
        rows = await self.database.fetch(
            "SELECT seq, attempt, tier, due_at, channel, role, order_no, NOW(6) "
            "FROM notifier_notification WHERE id = %s",
            [id_.bytes],
        )
        seq, attempt, tier, due_at, channel, role, order_no, now = rows[0]
        message = Message(
            notification_id=id_,
            seq=seq,
            attempt=attempt,
            tier=tier,
            due_at=due_at,
            channel=ChannelName(channel),
            role=Role(role),
            order_no=order_no,
        )
        return message, due_at - now

    async def attempts(self, id_: UUID) -> list[tuple[int, str, str]]:
        """(attempt, outcome, code), in order."""
        rows = await self.database.fetch(
            "SELECT attempt, outcome, code FROM notifier_attempt WHERE notification_id = %s "
            "ORDER BY attempt",
            [id_.bytes],
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def publishers(self) -> list[tuple[UUID, str, str, str]]:
        """(id, state, reason, recipient) of the publishers' notifications."""
        rows = await self.database.fetch(
            "SELECT id, state, reason, recipient FROM notifier_notification "
            "WHERE role = 'publisher' ORDER BY id"
        )
        return [(UUID(bytes=row[0]), row[1], row[2], row[3]) for row in rows]

    async def claim(self, message: Message, *, redelivered: bool = False) -> Any:
        return (await self.claims.claim([(message, redelivered)]))[0]

    async def claimed(self, message: Message) -> Claimed:
        result = await self.claim(message)
        assert isinstance(result, Claimed), result
        return result

    async def record(self, claimed: Claimed, outcome: Outcome) -> Any:
        return (await self.records.record([attempted(claimed, outcome)]))[0]


def attempted(claimed: Claimed, outcome: Outcome) -> Attempted:
    """An attempt of half a second."""
    return Attempted(
        claimed=claimed, outcome=outcome, began=claimed.now, ended=claimed.now + SECOND / 2
    )


def anybody(**fields: Any) -> Submission:
    """A notification without an order."""
    submission = Submission(
        role=Role.RECIPIENT, channel=ChannelName.WECHAT, recipient=f"oAnybody_{next(_numbers):08d}"
    )
    return replace(submission, **fields)


class Published:
    """Stands for the broker: remembers what it was given, or is away."""

    def __init__(self) -> None:
        self.messages: list[tuple[Message, timedelta]] = []
        self.error: Exception | None = None

    async def __call__(self, messages: Sequence[tuple[Message, timedelta]]) -> None:
        if self.error is not None:
            raise self.error
        self.messages += messages
