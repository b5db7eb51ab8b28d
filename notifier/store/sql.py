"""Small pieces of SQL text that several statements share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from notifier.errors import SettingsError


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
