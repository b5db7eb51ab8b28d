"""Connections, transactions and time-outs on the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from notifier.errors import StoreError, StoreUnavailable
from notifier.store.mysql import Cursor, Database, MysqlOptions
from tests.core import Core

HOSTILE = "it's \\ \"quoted\" % %s \0\n\r\x1a 😀 李 ' OR 1=1; DROP TABLE notifier_pause; -- "


async def test_the_session_is_in_utc_strict_and_reads_what_is_committed(core: Core) -> None:
    rows = await core.database.fetch("SELECT @@time_zone, @@sql_mode, NOW(6) = UTC_TIMESTAMP(6)")
    # MariaDB's name and MySQL's.
    isolation = await core.database.fetch(
        "SHOW VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')"
    )
    zone, mode, is_utc = rows[0]
    assert (zone, isolation[0][1], is_utc) == ("+00:00", "READ-COMMITTED", 1)
    assert "STRICT_TRANS_TABLES" in mode
    assert "NO_BACKSLASH_ESCAPES" not in mode


async def test_hostile_values_come_back_as_they_were(core: Core) -> None:
    moment = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
    every_byte = bytes(range(256))
    row = await core.database.fetch(
        "SELECT %s, %s, CAST(%s AS DATETIME(6)), %s, %s",
        [HOSTILE, every_byte, moment, None, -7],
    )
    assert row == [(HOSTILE, every_byte, moment, None, -7)]


async def test_a_statement_that_takes_too_long_spoils_no_later_one(schema: MysqlOptions) -> None:
    """Its answer may still come: nobody else may read it as his own."""
    database = Database(replace(schema, pool_size=1, statement_timeout_s=0.3))
    with pytest.raises(StoreUnavailable):
        await database.fetch("SELECT SLEEP(0.6), 'late'")
    for number in range(5):
        assert await database.fetch("SELECT %s", [number]) == [(number,)]
        await asyncio.sleep(0.1)
    await database.close()


async def test_a_cancelled_statement_spoils_no_later_one(schema: MysqlOptions) -> None:
    database = Database(replace(schema, pool_size=1))
    task = asyncio.create_task(database.fetch("SELECT SLEEP(0.5), 'late'"))
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for number in range(5):
        assert await database.fetch("SELECT %s", [number]) == [(number,)]
        await asyncio.sleep(0.1)
    await database.close()


async def pause_and_then(database: Database, then: Callable[[Cursor], Awaitable[object]]) -> None:
    async with database.transaction() as cursor:
        await cursor.run(
            "INSERT INTO notifier_pause (scope, since, reason, who) VALUES ('t', NOW(6), '', '')"
        )
        await then(cursor)


async def test_a_transaction_that_fails_or_is_cancelled_leaves_nothing(core: Core) -> None:
    async def fail(_: Cursor) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await pause_and_then(core.database, fail)
    with pytest.raises(StoreError):
        await pause_and_then(core.database, lambda cursor: cursor.run("SELECT nonsense"))
    inside = asyncio.Event()

    async def stay(_: Cursor) -> None:
        inside.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(pause_and_then(core.database, stay))
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await core.database.fetch("SELECT scope FROM notifier_pause") == []


async def test_a_transaction_that_times_out_lets_its_locks_go(schema: MysqlOptions) -> None:
    database = Database(replace(schema, statement_timeout_s=0.3))
    with pytest.raises(StoreUnavailable):
        await pause_and_then(database, lambda cursor: cursor.run("SELECT SLEEP(1)"))
    async with asyncio.timeout(30):
        while await _is_locked(database):
            await asyncio.sleep(0.05)
    assert await database.fetch("SELECT scope FROM notifier_pause WHERE scope = 't'") == []
    await database.close()


async def _is_locked(database: Database) -> bool:
    try:
        await database.fetch("SELECT scope FROM notifier_pause FOR UPDATE")
    except StoreUnavailable:
        return True
    return False


async def test_a_killed_connection_is_a_server_that_is_away_once(schema: MysqlOptions) -> None:
    database = Database(replace(schema, pool_size=1))
    other = Database(schema)
    (thread,) = (await database.fetch("SELECT CONNECTION_ID()"))[0]
    await other.run(f"KILL {thread}")
    answers = []
    for _ in range(3):
        try:
            answers.append(await database.fetch("SELECT 1"))
        except StoreUnavailable:
            answers.append([])
    assert answers[-1] == [(1,)]
    await database.close()
    await other.close()


async def test_an_unreachable_server_is_named_with_its_address() -> None:
    database = Database(MysqlOptions(url="mysql://root:hunter2@127.0.0.1:1/notifier"))
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1") as caught:
        await database.fetch("SELECT 1")
    assert "hunter2" not in str(caught.value)


async def test_an_exhausted_pool_is_waited_for_and_then_told(schema: MysqlOptions) -> None:
    database = Database(replace(schema, pool_size=1, statement_timeout_s=0.3))
    async with database.transaction():
        with pytest.raises(StoreUnavailable):
            await database.fetch("SELECT 1")
    assert await database.fetch("SELECT 1") == [(1,)]
    await database.close()
