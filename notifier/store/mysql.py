"""Connections to MySQL, and transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiomysql
import pymysql

from notifier.errors import StoreError, StoreUnavailable
from notifier.store.address import Address, MysqlOptions, parse_url, tls_context
from notifier.store.faults import explain
from notifier.store.sql import bound
from notifier.store.wire import Row, ask

__all__ = ["Cursor", "Database", "MysqlOptions", "Row"]

SESSION = (
    "SET time_zone = '+00:00', sql_notes = 0, "
    "sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'; "
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
)


class Database:
    """A pool of connections, opened on first use; one per process."""

    def __init__(self, options: MysqlOptions) -> None:
        self._options = options
        self._address = parse_url(options.url)
        self._tls = tls_context(options, self._address)
        self._pool: aiomysql.Pool | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Cursor]:
        """Commit at the end, roll back on any exception.

        Raises StoreUnavailable (try again: nothing was committed, unless the answer to the commit
        itself was lost) or StoreError.
        """
        async with self._cursor() as cursor:
            try:
                cursor.later("BEGIN")
                yield cursor
                await cursor.run("COMMIT")
            except BaseException:
                await cursor.roll_back()
                raise

    async def fetch(self, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        """One statement outside any transaction."""
        async with self._cursor() as cursor:
            return await cursor.fetch(sql, arguments)

    async def run(self, sql: str, arguments: Sequence[Any] = ()) -> int:
        """One statement, committed at once; the number of rows changed."""
        async with self._cursor() as cursor:
            return await cursor.run(sql, arguments)

    async def open(self, connections: int) -> None:
        """Connect now what would be connected at its first use. Raises StoreUnavailable."""
        async with AsyncExitStack() as held:
            for _ in range(min(connections, self._options.pool_size)):
                await held.enter_async_context(self._cursor())

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            await self._pool.wait_closed()
            self._pool = None

    @asynccontextmanager
    async def _cursor(self) -> AsyncIterator[Cursor]:
        connection = None
        pool = await self._open()
        try:
            connection = await self._acquire(pool)
            yield Cursor(connection, self._address, self._options.statement_timeout_s)
        finally:
            if connection is not None:
                pool.release(connection)

    async def _acquire(self, pool: aiomysql.Pool) -> Any:
        try:
            async with asyncio.timeout(self._options.statement_timeout_s):
                return await pool.acquire()
        except (pymysql.Error, OSError, TimeoutError) as error:
            raise explain(error, self._address) from error

    async def _open(self) -> aiomysql.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await self._connect()
            return self._pool

    async def _connect(self) -> aiomysql.Pool:
        address = self._address
        try:
            return await aiomysql.create_pool(
                host=address.host,
                port=address.port,
                user=address.user,
                password=address.password,
                db=address.database,
                ssl=self._tls,
                minsize=1,
                maxsize=self._options.pool_size,
                pool_recycle=1800,
                autocommit=True,
                charset="utf8mb4",
                init_command=SESSION,
                connect_timeout=5,
            )
        except (pymysql.Error, OSError, TimeoutError) as error:
            raise explain(error, address) from error


class Cursor:
    """Statements on one connection. A statement cut short closes it, so that no answer is lost."""

    def __init__(self, connection: Any, address: Address, timeout_s: float) -> None:
        self._connection = connection
        self._address = address
        self._timeout_s = timeout_s
        self._waiting: list[str] = []

    def later(self, sql: str, arguments: Sequence[Any] = ()) -> None:
        """Send it together with the next statement, or with the commit: one way for all.

        The server stops at the first that fails, and the whole transaction is rolled back.
        """
        self._waiting.append(bound(sql, arguments))

    async def fetch(self, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        self.later(sql, arguments)
        return (await self._send())[1]

    async def run(self, sql: str, arguments: Sequence[Any] = ()) -> int:
        self.later(sql, arguments)
        return (await self._send())[0][-1]

    async def send(self) -> list[int]:
        """What waits; the number of rows that each statement changed."""
        return (await self._send())[0]

    async def roll_back(self) -> None:
        self._waiting.clear()
        try:
            await asyncio.shield(self.run("ROLLBACK"))
        except (StoreUnavailable, StoreError):
            self._connection.close()

    async def _send(self) -> tuple[list[int], list[Row]]:
        sql = "; ".join(self._waiting)
        self._waiting.clear()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await ask(self._connection, sql)
        except (pymysql.Error, OSError, TimeoutError, RuntimeError) as error:
            raise explain(error, self._address) from error
