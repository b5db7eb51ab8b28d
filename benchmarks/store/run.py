"""Orders as `benchmarks.peers` has them, accepted, claimed and recorded by the fleet's classes."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from benchmarks.calendar.rows import fill
from benchmarks.store.meter import Cost, Meter
from notifier.dispatch.run_log import line_of
from notifier.domain.delay import AnyDelay
from notifier.domain.ladder import ladder_of
from notifier.domain.lease import Attempted, Claimed, Lease, Recorded
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role
from notifier.domain.outcome import Answer, Outcome, Retry, Sent
from notifier.domain.placement import Places
from notifier.domain.rules import Guarantees, RuleBook
from notifier.domain.submission import Submission
from notifier.errors import NotifierError
from notifier.stack import Stack
from notifier.stack import layout as layouts
from notifier.stack.layout import DatabaseKind
from notifier.store.accept import Acceptor
from notifier.store.claims import Claims
from notifier.store.mysql import Database, MysqlOptions
from notifier.store.orders import Orders, OrderTable
from notifier.store.playground import OpenOrder, make_order_table, put_orders
from notifier.store.records import Records
from notifier.store.run_log import MysqlSink
from notifier.store.upgrade import upgrade

ACCEPTED = 200
"""At once, whatever is claimed at once."""
ZERO = timedelta(0)
SECOND = timedelta(seconds=1)
# The second step is due at once, so that what was refused can be claimed again without waiting.
LADDERS = {"default": ladder_of("default", [0, 0, 1])}
PLACES = Places(tiers=(1,), horizon=60 * SECOND, delays=AnyDelay())
RULES = RuleBook(
    ladders=LADDERS,
    places=PLACES,
    channels={"webhook": Guarantees(protected_for=None, send_timeout=10 * SECOND)},
    pause=60 * SECOND,
)
ANSWER = Answer(status=200, latency=SECOND / 250, body=b'{"errcode":0,"errmsg":"ok"}')
HEARD = Sent(answer=ANSWER)
REFUSED = Retry(code="http_503", detail="Service Unavailable", answer=ANSWER)
OWNER = "benchmark/tier-1/1"

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """count: notifications a round. batch: of them in a transaction. others: rows that wait for
    months meanwhile.
    """

    count: int
    batch: int
    rounds: int
    others: int
    folder: Path | None


async def run(plan: Plan) -> Sequence[Cost]:
    """Raises NotifierError where something was not claimed or recorded."""
    with _server(plan.folder) as (url, pid):
        meter = Meter(pid)
        async with _database(url) as database:
            if plan.others:
                await fill(database, others=plan.others, due=0, rounds=1)
            for number in range(plan.rounds + 1):
                await _round(database, meter, plan, first=1 + number * plan.count)
        return meter.costs()


@contextmanager
def _server(parent: Path | None) -> Iterator[tuple[str, int]]:
    """A database server of its own: its address and its process."""
    folder = Path(tempfile.mkdtemp(prefix="notifier-benchmark-", dir=parent))
    stack = Stack(folder)
    try:
        layouts.create(folder, database=DatabaseKind.MARIADB)
        stack.database.start()
        pid = stack.database.status().pid
        if pid is None:
            raise NotifierError("the database server has ended")
        yield stack.environment()["NOTIFIER_MYSQL_URL"], pid
    finally:
        stack.wipe()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _database(url: str) -> AsyncIterator[Database]:
    options = MysqlOptions(url=url, statement_timeout_s=300)
    await asyncio.to_thread(upgrade, options)
    database = Database(options)
    try:
        await make_order_table(database)
        yield database
    finally:
        await database.close()


async def _round(database: Database, meter: Meter, plan: Plan, *, first: int) -> None:
    """Every order is told, after one refusal, and then as many without an order."""
    count, batch = plan.count, plan.batch
    orders = range(first, first + count)
    for some in _batches(orders, ACCEPTED):
        await put_orders(
            database,
            "tg_order_task",
            [OpenOrder(order_id=n, order_no=f"peer-{n}", publisher_openid="") for n in some],
        )
    acceptor = Acceptor(database, ladders=LADDERS, places=PLACES)
    messages = await meter.take("accept", _accept(acceptor, map(_order_of, orders)), count)
    claims = Claims(
        database,
        lease=Lease(owner=OWNER, duration=30 * SECOND),
        books={"orders": Orders(OrderTable(), tells_publishers=False)},
        ladders=LADDERS,
        places=PLACES,
    )
    records = Records(database, rule_book=RULES, worker=OWNER)
    claimed = await meter.take("dispatch", _claim(claims, messages, batch), count)
    refused = await meter.take("refused", _record(records, claimed, REFUSED, batch), count)
    again = [recorded.next for recorded in refused if recorded.next is not None]
    claimed = await meter.take("claim", _claim(claims, again, batch), count)
    recorded = await meter.take("sent", _record(records, claimed, HEARD, batch), count)
    if len(recorded) != count or any(one.state != "sent" for one in recorded):
        raise NotifierError("not everything was recorded as sent")
    lines = [
        line_of(_attempted(one, HEARD), done) for one, done in zip(claimed, recorded, strict=True)
    ]
    await meter.take("run log", MysqlSink(database).write(lines), count)
    messages = await _accept(acceptor, map(_plain_of, orders))
    await meter.take("plain", _claim_plain(claims, messages, batch), count)


async def _accept(acceptor: Acceptor, submissions: Iterable[Submission]) -> list[Message]:
    messages: list[Message] = []
    for some in _batches(list(submissions), ACCEPTED):
        acceptance = await acceptor.accept(some)
        messages += [message for message, _ in acceptance.publish]
    return messages


def _order_of(order_id: int) -> Submission:
    return Submission(
        role=Role.DESIGNER,
        channel=ChannelName.WEBHOOK,
        recipient=f"http://127.0.0.{1 + order_id % 32}:8080/hook",
        order_book="orders",
        order_no=f"peer-{order_id}",
        order_id=order_id,
        designer_id=7,
        designer_name="peer",
        delay=ZERO,
    )


def _plain_of(number: int) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WEBHOOK,
        recipient=_order_of(number).recipient,
        order_no=f"plain-{number}",
        delay=ZERO,
    )


async def _claim(claims: Claims, messages: Sequence[Message], batch: int) -> list[Claimed]:
    claimed: list[Claimed] = []
    for some in _batches(messages, batch):
        results = await claims.claim([(message, False) for message in some])
        claimed += [result for result in results if isinstance(result, Claimed)]
    if len(claimed) != len(messages):
        raise NotifierError(f"{len(claimed)} claimed of {len(messages)}")
    return claimed


async def _claim_plain(claims: Claims, messages: Sequence[Message], batch: int) -> None:
    for some in _batches(messages, batch):
        if None in await claims.claim_plain(some):
            raise NotifierError("not everything was claimed")


async def _record(
    records: Records, claimed: Sequence[Claimed], outcome: Outcome, batch: int
) -> list[Recorded]:
    recorded: list[Recorded] = []
    for some in _batches(claimed, batch):
        recorded += await records.record([_attempted(one, outcome) for one in some])
    return recorded


def _attempted(claimed: Claimed, outcome: Outcome) -> Attempted:
    return Attempted(
        claimed=claimed, outcome=outcome, began=claimed.now, ended=claimed.now + SECOND / 250
    )


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[at : at + size] for at in range(0, len(items), size))
