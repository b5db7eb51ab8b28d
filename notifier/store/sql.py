"""Small pieces of SQL text that several statements share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def quoted(name: str) -> str:
    """A table or column of the settings, `schema.table` included. Raises SettingsError."""
    parts = name.split(".")
    if not all(part.isidentifier() and part.isascii() and len(part) <= 64 for part in parts):
        raise SettingsError(f"[orders] {name!r} is no name of a table or column")
    return ".".join(f"`{part}`" for part in parts)


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
    kind = type(value)
    if kind is int:
        return str(value)
    if kind is bytes:
        return f"0x{value.hex()}" if value else "''"  # type: ignore[attr-defined]
    if isinstance(value, str):
        if value.isascii() and value.isalnum():
            return f"'{value}'"
        text = value if value.isascii() else value.encode(errors="replace").decode()
        return f"'{escape_string(text)}'"
    if value is None:
        return "NULL"
    if isinstance(value, datetime) and value.tzinfo is not None:
        moment = value if value.tzinfo is UTC else value.astimezone(UTC)
        return f"'{moment.isoformat(' ', 'microseconds')[:26]}'"
    if isinstance(value, int | float) and isfinite(value):
        return repr(value + 0)
    raise TypeError(f"no SQL literal for {kind.__name__} {value!r}")
