"""Orders as `benchmarks.peers` has them, accepted, claimed and recorded by the fleet's classes."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import monotonic, process_time
from typing import TypeVar

from benchmarks.calendar.rows import fill
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

BATCH = 200
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
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """count: notifications a round. others: rows that wait for months meanwhile."""

    count: int
    rounds: int
    others: int
    folder: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one notification: CPU of this process and of the server, and time; µs, medians."""

    what: str
    ours_us: float
    server_us: float
    took_us: float


class Meter:
    """Adds up what each kind of work costs, round by round."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._found: dict[str, list[tuple[float, float, float]]] = {}

    async def take(self, what: str, do: Awaitable[Result], count: int) -> Result:
        before = process_time(), await self._server_s(), monotonic()
        ours_s = process_time()
        result = await do
        ours_s, took_s = process_time() - ours_s, monotonic() - before[2]
        server_s = await self._server_s() - before[1]
        each = tuple(1e6 * spent / count for spent in (ours_s, server_s, took_s))
        self._found.setdefault(what, []).append(each)  # type: ignore[arg-type]
        return result

    def costs(self) -> list[Cost]:
        """Without the first round, in which everything is new."""
        found = []
        for what, rounds in self._found.items():
            ours, server, took = (median(one[at] for one in rounds[1:]) for at in range(3))
            found.append(Cost(what=what, ours_us=ours, server_us=server, took_us=took))
        return found

    async def _server_s(self) -> float:
        """When it has come to rest: what it tidies up later is part of what it was asked for."""
        spent = -1.0
        while spent != (spent := _cpu_s(self._server)):  # noqa: ASYNC110
            await asyncio.sleep(0.3)
        return spent


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def run(plan: Plan) -> Sequence[Cost]:
    """Raises NotifierError where something was not claimed or recorded."""
    with _server(plan.folder) as (url, pid):
        meter = Meter(pid)
        async with _database(url) as database:
            if plan.others:
                await fill(database, others=plan.others, due=0, rounds=1)
            for number in range(plan.rounds + 1):
                await _round(database, meter, 1 + number * plan.count, plan.count)
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


async def _round(database: Database, meter: Meter, first: int, count: int) -> None:
    """Every order is told: half of the work at once, half of it after one refusal."""
    orders = range(first, first + count)
    for some in _batches(orders):
        await put_orders(
            database,
            "tg_order_task",
            [OpenOrder(order_id=n, order_no=f"peer-{n}", publisher_openid="") for n in some],
        )
    acceptor = Acceptor(database, ladders=LADDERS, places=PLACES)
    messages = await meter.take("accept", _accept(acceptor, orders), count)
    claims = Claims(
        database,
        lease=Lease(owner=OWNER, duration=30 * SECOND),
        books={"orders": Orders(OrderTable())},
        ladders=LADDERS,
        places=PLACES,
    )
    records = Records(database, rule_book=RULES, worker=OWNER)
    claimed = await meter.take("dispatch", _claim(claims, messages), count)
    refused = await meter.take("refused", _record(records, claimed, REFUSED), count)
    again = [recorded.next for recorded in refused if recorded.next is not None]
    claimed = await meter.take("claim", _claim(claims, again), count)
    recorded = await meter.take("sent", _record(records, claimed, HEARD), count)
    if len(recorded) != count or any(one.state != "sent" for one in recorded):
        raise NotifierError("not everything was recorded as sent")
    lines = [
        line_of(_attempted(one, HEARD), done) for one, done in zip(claimed, recorded, strict=True)
    ]
    await meter.take("run log", MysqlSink(database).write(lines), count)


async def _accept(acceptor: Acceptor, orders: Sequence[int]) -> list[Message]:
    messages: list[Message] = []
    for some in _batches(orders):
        acceptance = await acceptor.accept([_submission_of(order_id) for order_id in some])
        messages += [message for message, _ in acceptance.publish]
    return messages


def _submission_of(order_id: int) -> Submission:
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


async def _claim(claims: Claims, messages: Sequence[Message]) -> list[Claimed]:
    claimed: list[Claimed] = []
    for some in _batches(messages):
        results = await claims.claim([(message, False) for message in some])
        claimed += [result for result in results if isinstance(result, Claimed)]
    if len(claimed) != len(messages):
        raise NotifierError(f"{len(claimed)} claimed of {len(messages)}")
    return claimed


async def _record(records: Records, claimed: Sequence[Claimed], outcome: Outcome) -> list[Recorded]:
    recorded: list[Recorded] = []
    for some in _batches(claimed):
        recorded += await records.record([_attempted(one, outcome) for one in some])
    return recorded


def _attempted(claimed: Claimed, outcome: Outcome) -> Attempted:
    return Attempted(
        claimed=claimed, outcome=outcome, began=claimed.now, ended=claimed.now + SECOND / 250
    )


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[at : at + BATCH] for at in range(0, len(items), BATCH))
