"""Connections to MySQL, transactions, and what its errors mean to a caller."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomysql
import pymysql
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions

from notifier.errors import SettingsError, StoreConflict, StoreError, StoreUnavailable
from notifier.store.sql import bound

Row = tuple[Any, ...]

SESSION = (
    "SET time_zone = '+00:00', sql_notes = 0, "
    "sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'; "
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
)
AWAY = frozenset({1040, 1053, 1158, 1159, 1160, 1161, 1290, 1317, 1836, 1927, 2006})
"""Server codes that waiting mends: too many connections, shutdown, net errors,
read-only, killed. Source: MySQL 8.4 and MariaDB 10.11 server error references."""
CONFLICTS = frozenset({1205, 1213})
"""Lock wait, deadlock."""
MISSING_TABLE = 1146
MISSING_COLUMN = 1054
URL_FORM = (
    "[mysql] url: must be mysql://user:password@host:port/database, with %-escapes "
    "for / # ? @ in the password"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlOptions:
    """url: mysql://user:password@host:port/database. statement_timeout_s: seconds."""

    url: str
    ca_file: Path | None = None
    allow_plaintext: bool = False
    pool_size: int = 4
    statement_timeout_s: float = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    host: str
    port: int
    user: str
    password: str
    database: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_url(url: str) -> Address:
    """Raises SettingsError; its text never holds the password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError:
        raise SettingsError(URL_FORM) from None
    if parts.scheme != "mysql" or not parts.hostname or not parts.path.strip("/"):
        raise SettingsError(URL_FORM)
    return Address(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.strip("/"),
    )


def tls_context(options: MysqlOptions, address: Address) -> ssl.SSLContext | None:
    """Raises SettingsError where the way to the server would be neither verified nor local."""
    if options.ca_file is not None:
        return ssl.create_default_context(cafile=str(options.ca_file))
    if options.allow_plaintext or _is_loopback(address.host):
        return None
    raise SettingsError(
        f"[mysql] ca_file: {address} is not this machine; name the CA that signed its certificate, "
        "or set allow_plaintext = true where the network itself is trusted"
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
                await cursor.run("BEGIN")
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
                conv={**conversions, FIELD_TYPE.DATETIME: _aware},
            )
        except (pymysql.Error, OSError, TimeoutError) as error:
            raise explain(error, address) from error


class Cursor:
    """Statements on one connection. A statement cut short closes it, so that no answer is lost."""

    def __init__(self, connection: Any, address: Address, timeout_s: float) -> None:
        self._connection = connection
        self._address = address
        self._timeout_s = timeout_s

    async def fetch(self, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        return list((await self._execute(sql, arguments))[1])

    async def run(self, sql: str, arguments: Sequence[Any] = ()) -> int:
        return (await self._execute(sql, arguments))[0]

    async def roll_back(self) -> None:
        try:
            await asyncio.shield(self._execute("ROLLBACK", ()))
        except (StoreUnavailable, StoreError):
            self._connection.close()

    async def _execute(self, sql: str, arguments: Sequence[Any]) -> tuple[int, Sequence[Row]]:
        try:
            async with asyncio.timeout(self._timeout_s), self._connection.cursor() as cursor:
                changed = await cursor.execute(bound(sql, arguments))
                return changed, (await cursor.fetchall() if cursor.description else ())
        except (pymysql.Error, OSError, TimeoutError, RuntimeError) as error:
            raise explain(error, self._address) from error
        except asyncio.CancelledError:
            self._connection.close()
            raise


def explain(error: Exception, address: Address) -> StoreUnavailable | StoreError:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = str(error.args[1]) if len(error.args) > 1 else str(error) or type(error).__name__
    if code == MISSING_TABLE:
        remedy = _remedy(re.search(r"'(?:[^']*\.)?([^'.]+)'", text))
        return StoreError(f"MySQL at {address}: {text}; {remedy}")
    if code == MISSING_COLUMN:
        remedy = "set [orders] …_column, or run `notifier db upgrade` if the table is notifier's"
        return StoreError(f"MySQL at {address}: {text}; {remedy}")
    if code in CONFLICTS:
        return StoreConflict(f"MySQL at {address} rolled back: {text}")
    if isinstance(error, pymysql.Error) and code not in AWAY and not 2000 <= code < 3000 and code:
        return StoreError(f"MySQL at {address} refused a statement: {code} {text}")
    return StoreUnavailable(f"MySQL at {address} does not answer: {text}")


def _remedy(table: re.Match[str] | None) -> str:
    ours = table and (table[1].startswith("notifier_") or table[1] == "tg_log_order_dispatch")
    return "run `notifier db upgrade`" if ours else "set [orders] table, or enabled = false"


def _aware(text: str | bytes) -> datetime:
    value = text.decode() if isinstance(text, bytes) else text
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
