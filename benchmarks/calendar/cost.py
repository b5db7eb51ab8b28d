"""What a promoted row costs the database, with few and with many others waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from time import monotonic

from benchmarks.calendar.progress import Progress
from benchmarks.calendar.rows import fill, let_come_due
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

    ratio: of the two medians, with the more ones to with the fewer ones.
    """

    rounds: int
    rows_per_round: int
    us: dict[int, float]
    ratio: float


async def promotion_cost(
    stack: Stack, *, few: int, many: int, rounds: int, progress: Progress
) -> Cost:
    """Round by round in turn, in two schemas of one server. The broker confirms at once."""
    async with AsyncExitStack() as exits:
        tables = {
            others: await exits.enter_async_context(
                _table(stack, others=others, rounds=rounds + 1, progress=progress)
            )
            for others in (few, many)
        }
        took_s = await _measure(tables, rounds + 1, progress)
    us = {others: median(times[1:]) / BATCH * 1e6 for others, times in took_s.items()}
    return Cost(rounds=rounds, rows_per_round=BATCH, us=us, ratio=us[many] / us[few])


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
    tables: dict[int, Database], rounds: int, progress: Progress
) -> dict[int, list[float]]:
    for database in tables.values():
        await let_come_due(database, first_in=FIRST_IN, every=EVERY)
    took_s: dict[int, list[float]] = {others: [] for others in tables}
    for number in range(rounds):
        progress(f"round {number} of {rounds - 1}")
        for others in sorted(tables, reverse=bool(number % 2)):
            took_s[others].append(await _promote(tables[others]))
    return took_s


async def _promote(database: Database) -> float:
    """How long the next batch took, seconds, once all of it is there."""
    schedule = Schedule(database, rule_book=RULES, batch=BATCH)
    await _until_due(database)
    began = monotonic()
    swept = await schedule.promote(_confirmed)
    took_s = monotonic() - began
    if swept.count != BATCH:
        raise AssertionError(f"{swept.count} rows promoted instead of {BATCH}")
    return took_s


async def _until_due(database: Database) -> None:
    """A round's rows have their moment together; none is looked at but in the index."""
    ((left_us,),) = await database.fetch(
        "SELECT TIMESTAMPDIFF(MICROSECOND, NOW(6), MIN(next_sweep_at)) "
        "FROM notifier_notification WHERE state = 'scheduled'"
    )
    await asyncio.sleep(max(int(left_us) / 1e6, 0))


async def _confirmed(messages: Sequence[tuple[Message, timedelta]]) -> None: ...
