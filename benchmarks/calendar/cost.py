"""What a promoted row costs, with few and with many others waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from time import monotonic

from benchmarks.calendar.progress import Progress
from benchmarks.calendar.rows import fill, let_come_due
from notifier.broker.connection import Server, connect
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.publisher import Publisher
from notifier.broker.topology import Topology, apply
from notifier.domain.delay import AnyDelay
from notifier.domain.ladder import ladder_of
from notifier.domain.message import Message
from notifier.domain.placement import Places
from notifier.domain.rules import RuleBook
from notifier.stack import Stack
from notifier.store.mysql import Database, MysqlOptions
from notifier.store.schedule import Schedule
from notifier.store.upgrade import upgrade

BATCH = 500
"""As [calendar] batch has it."""
EVERY = timedelta(seconds=0.25)
FIRST_IN = timedelta(seconds=5)
SECOND = timedelta(seconds=1)
RULES = RuleBook(
    ladders={"default": ladder_of("default", [1])},
    places=Places(tiers=(1,), horizon=60 * SECOND, delays=AnyDelay()),
    channels={},
    pause=60 * SECOND,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """us: of one promoted row, the median of the rounds, by how many others wait.

    database_us: of it, without the publish. ratio: of the two medians, with the more ones to with
    the fewer ones.
    """

    rounds: int
    rows_per_round: int
    us: dict[int, float]
    database_us: dict[int, float]
    ratio: float
    database_ratio: float


class _Timed:
    """took_s: how long the last call waited for the broker."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.took_s = 0.0

    async def __call__(self, messages: Sequence[tuple[Message, timedelta]]) -> None:
        began = monotonic()
        await self._publisher.publish_many(messages)
        self.took_s = monotonic() - began


async def promotion_cost(
    stack: Stack, *, few: int, many: int, rounds: int, progress: Progress
) -> Cost:
    """Round by round in turn, in two schemas of one server."""
    async with AsyncExitStack() as exits:
        tables = {
            others: await exits.enter_async_context(
                _table(stack, others=others, rounds=rounds + 1, progress=progress)
            )
            for others in (few, many)
        }
        publish = _Timed(await exits.enter_async_context(_publisher(stack)))
        took_s = await _measure(tables, rounds + 1, publish, progress)
    us, database_us = (
        {others: _per_row_us(time[part] for time in times[1:]) for others, times in took_s.items()}
        for part in (0, 1)
    )
    return Cost(
        rounds=rounds,
        rows_per_round=BATCH,
        us=us,
        database_us=database_us,
        ratio=us[many] / us[few],
        database_ratio=database_us[many] / database_us[few],
    )


def _per_row_us(times_s: Iterable[float]) -> float:
    return median(times_s) / BATCH * 1e6


@asynccontextmanager
async def _publisher(stack: Stack) -> AsyncIterator[Publisher]:
    """To an exchange of its own; nobody takes what it publishes."""
    server = Server(url=stack.environment()["NOTIFIER_AMQP_URL"])
    names = Topology(exchange="cost", queue_prefix="cost_queue", dead_queue="cost.dead", tiers=(1,))
    delay = ExchangeDelay(names)
    await apply(names, server, delay)
    link = await connect(server, name="benchmark")
    try:
        yield await Publisher.open(link, names, delay)
    finally:
        await link.close()


@asynccontextmanager
async def _table(
    stack: Stack, *, others: int, rounds: int, progress: Progress
) -> AsyncIterator[Database]:
    url = stack.environment()["NOTIFIER_MYSQL_URL"]
    schema = f"notifier_{others}"
    admin = Database(MysqlOptions(url=url))
    await admin.run(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4")
    await admin.close()
    options = MysqlOptions(url=f"{url.rsplit('/', 1)[0]}/{schema}", statement_timeout_s=600)
    await asyncio.to_thread(upgrade, options)
    database = Database(options)
    try:
        progress(f"{others:,} rows that wait")
        await fill(database, others=others, due=rounds * BATCH, rounds=rounds)
        yield database
    finally:
        await database.close()


async def _measure(
    tables: dict[int, Database], rounds: int, publish: _Timed, progress: Progress
) -> dict[int, list[tuple[float, float]]]:
    """Seconds of each round, all together and in the database alone."""
    for database in tables.values():
        await let_come_due(database, first_in=FIRST_IN, every=EVERY)
    took_s: dict[int, list[tuple[float, float]]] = {others: [] for others in tables}
    for number in range(rounds):
        progress(f"round {number} of {rounds - 1}")
        for others in sorted(tables, reverse=bool(number % 2)):
            took_s[others].append(await _promote(tables[others], publish))
    return took_s


async def _promote(database: Database, publish: _Timed) -> tuple[float, float]:
    """How long the next batch took, seconds, once all of it is there."""
    schedule = Schedule(database, rule_book=RULES, batch=BATCH)
    await _until_due(database)
    began = monotonic()
    swept = await schedule.promote(publish)
    took_s = monotonic() - began
    if swept.count != BATCH:
        raise AssertionError(f"{swept.count} rows promoted instead of {BATCH}")
    return took_s, took_s - publish.took_s


async def _until_due(database: Database) -> None:
    """A round's rows have their moment together; none is looked at but in the index."""
    ((left_us,),) = await database.fetch(
        "SELECT TIMESTAMPDIFF(MICROSECOND, NOW(6), MIN(next_sweep_at)) "
        "FROM notifier_notification WHERE state = 'scheduled'"
    )
    await asyncio.sleep(max(int(left_us) / 1e6, 0))
