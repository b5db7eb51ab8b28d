"""Small pieces of SQL text that several statements share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from pymysql.converters import escape_string

from notifier.errors import SettingsError

VALUES_FIRST = "STRAIGHT_JOIN"
"""Between constant rows and the table they update: each row by its index. Otherwise the optimizer
may read a small table from end to end, and wait for rows that somebody else has locked."""


def marks(count: int) -> str:
    """`%s,%s,%s`"""
    return ",".join(["%s"] * count)


def rows_of_marks(rows: int, columns: int) -> str:
    """`(%s,%s),(%s,%s)`"""
    return ",".join([f"({marks(columns)})"] * rows)


def flat(rows: Iterable[Sequence[Any]]) -> list[Any]:
    return [value for row in rows for value in row]


def values_table(columns: Sequence[str], rows: int) -> str:
    """A derived table of constant rows, to join an UPDATE with; understood by MySQL and MariaDB."""
    first = "SELECT " + ",".join(f"%s AS {column}" for column in columns)
    return " UNION ALL ".join([first] + [f"SELECT {marks(len(columns))}"] * (rows - 1))


def rows_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Rendered:
    """The same with its values."""
    first = ",".join(
        f"{literal(value)} AS {column}" for column, value in zip(columns, rows[0], strict=True)
    )
    return Rendered("SELECT " + " UNION ALL SELECT ".join([first, *map(listed, rows[1:])]))


def quoted(name: str) -> str:
    """A table or column of the settings, `schema.table` included. Raises SettingsError."""
    parts = name.split(".")
    if not all(part.isidentifier() and part.isascii() and len(part) <= 64 for part in parts):
        raise SettingsError(f"[orders] {name!r} is no name of a table or column")
    return ".".join(f"`{part}`" for part in parts)


class Rendered(str):
    """A piece of SQL, put together from literals; as an argument it stays what it is."""

    __slots__ = ()


def listed(values: Iterable[object]) -> Rendered:
    """`1,'a'`, for `IN (%s)`."""
    return Rendered(",".join([_LITERAL[type(value)](value) for value in values]))


def tuples(rows: Iterable[Iterable[object]]) -> Rendered:
    """`(1,'a'),(2,'b')`, for `VALUES %s`."""
    return Rendered(",".join([f"({listed(row)})" for row in rows]))


def bound(sql: str, arguments: Sequence[Any]) -> str:
    """The statement with its values as literals.

    aiomysql 0.3.2 cannot escape bytes with PyMySQL 1.2, and this is several times faster.
    """
    return sql % tuple(map(literal, arguments)) if arguments else sql


def literal(value: object) -> str:
    """For a session in UTC without NO_BACKSLASH_ESCAPES and with utf8mb4.

    Half a character (a lone surrogate) becomes a question mark.
    Raises TypeError for what has no certain literal, a datetime without a zone among it.
    """
    return _LITERAL[type(value)](value)


def _bytes(value: bytes) -> str:
    return f"0x{value.hex()}" if value else "''"


def _text(value: str) -> str:
    if value.isascii():
        if value.isalnum() or not _is_special(value):
            return f"'{value}'"
        return f"'{escape_string(value)}'"
    return f"'{escape_string(value.encode(errors='replace').decode())}'"


def _moment(value: datetime) -> str:
    if value.tzinfo is not UTC:
        if value.tzinfo is None:
            raise _no_literal(value)
        value = value.astimezone(UTC)
    return f"'{value.isoformat(' ', 'microseconds')[: -len('+00:00')]}'"


def _other(value: object) -> str:
    """Of a subclass, an enum's member for example."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float) and isfinite(value):
        return repr(value + 0)
    if isinstance(value, datetime):
        return _moment(value)
    raise _no_literal(value)


def _no_literal(value: object) -> TypeError:
    return TypeError(f"no SQL literal for {type(value).__name__} {value!r}")


class _Literals(dict[type, Callable[[Any], str]]):
    def __missing__(self, kind: type) -> Callable[[Any], str]:
        return _other


_is_special = re.compile("[\0\n\r\x1a\"'\\\\]").search
_LITERAL = _Literals(
    {
        int: str,
        bytes: _bytes,
        str: _text,
        type(None): lambda _: "NULL",
        datetime: _moment,
        Rendered: str,
    }
)
