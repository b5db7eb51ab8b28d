"""The application's order table: read it, and claim an order for a designer. Nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from notifier.domain.order import OrderRow, OrderStatus
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import VALUES_FIRST, listed, marks, quoted, rows_table

LOADTEST_TABLE = "notifier_loadtest_order"
NO_STATUS = -1
"""Of an order whose status is NULL: neither open nor any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTable:
    """Names in the user's schema; see `[orders]` in the settings."""

    table: str = "tg_order_task"
    id_column: str = "order_id"
    number_column: str = "order_no"
    status_column: str = "status"
    designer_id_column: str = "design_userid"
    designer_name_column: str = "design_username"
    designed_at_column: str = "design_time"
    publisher_column: str | None = "publisher_openid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """orders: now ours. held: of those that exist, the ones that somebody else has locked."""

    orders: Mapping[int, OrderRow] = field(default_factory=dict)
    held: frozenset[int] = frozenset()


class Assignment(NamedTuple):
    order_id: int
    designer_id: int
    designer_name: str


class Orders:
    """Statements on one order table, inside the claim's transaction.

    tells_publishers: whether the dispatch of an order creates its publisher's notification.
    """

    def __init__(self, names: OrderTable, *, tells_publishers: bool = True) -> None:
        self.names = names
        self.tells_publishers = tells_publishers
        self._table = quoted(names.table)
        self._id = quoted(names.id_column)
        self._number = quoted(names.number_column)
        self._status = quoted(names.status_column)
        self._designer_id = quoted(names.designer_id_column)
        self._designer_name = quoted(names.designer_name_column)
        self._designed_at = quoted(names.designed_at_column)
        self._publisher = quoted(names.publisher_column) if names.publisher_column else "''"

    async def lock(self, cursor: Cursor, order_ids: Sequence[int]) -> Locked:
        """Lock and read, in sorted order so that two processes cannot lock each other out.

        The application may hold an order for long: nobody waits for it here.
        """
        if not order_ids:
            return Locked()
        ordered = sorted(set(order_ids))
        rows = await cursor.fetch(
            f"{self._select} WHERE {self._id} IN (%s) ORDER BY {self._id} FOR UPDATE SKIP LOCKED",
            [listed(ordered)],
        )
        orders = {order.order_id: order for order in map(_row, rows)}
        missing = [order_id for order_id in ordered if order_id not in orders]
        return Locked(orders=orders, held=await self._existing(cursor, missing))

    async def _existing(self, cursor: Cursor, order_ids: Sequence[int]) -> frozenset[int]:
        if not order_ids:
            return frozenset()
        rows = await cursor.fetch(
            f"{self._select} WHERE {self._id} IN ({marks(len(order_ids))})", order_ids
        )
        return frozenset(_row(row).order_id for row in rows)

    def assign(self, cursor: Cursor, assignments: Sequence[Assignment]) -> None:
        """Status 0 to 1 with all the designer's columns, in one statement. The rows are locked."""
        if not assignments:
            return
        # With the ids twice even a table of two rows is read by its index, and no other row locked.
        cursor.later(
            f"UPDATE (%s) v {VALUES_FIRST} {self._table} o ON o.{self._id} = v.order_id "
            f"SET o.{self._status} = {int(OrderStatus.DESIGNING)}, "
            f"o.{self._designer_id} = v.designer_id, o.{self._designer_name} = v.designer_name, "
            f"o.{self._designed_at} = NOW() WHERE o.{self._status} = {int(OrderStatus.OPEN)} "
            f"AND o.{self._id} IN (%s)",
            [
                rows_table(Assignment._fields, assignments),
                listed(item.order_id for item in assignments),
            ],
        )

    async def find(self, database: Database, order_no: str) -> tuple[str, OrderRow] | None:
        """By number, unlocked; (number, row)."""
        rows = await database.fetch(f"{self._select} WHERE {self._number} = %s LIMIT 1", [order_no])
        return (order_no, _row(rows[0])) if rows else None

    async def probe(self, database: Database) -> None:
        """Raises StoreError where the table or one of its columns is missing."""
        columns = (self._number, self._designer_name, self._designed_at)
        await database.fetch(f"{self._select_with(*columns)} LIMIT 0")

    @property
    def _select(self) -> str:
        return self._select_with()

    def _select_with(self, *more: str) -> str:
        columns = (self._id, self._status, self._designer_id, self._publisher, *more)
        return f"SELECT {', '.join(columns)} FROM {self._table}"


def _row(row: tuple[object, ...]) -> OrderRow:
    order_id, status, designer_id, publisher = row[:4]
    number = _number(status)
    return OrderRow(
        order_id=_number(order_id) or 0,
        status=NO_STATUS if number is None else number,
        designer_id=_number(designer_id),
        publisher=_text(publisher),
    )


def _number(value: object) -> int | None:
    """Whatever type the application chose for its column; None for NULL, or an empty text."""
    if type(value) is int:
        return value
    text = _text(value)
    return int(text) if text else None


def _text(value: object) -> str:
    """The same; "" for NULL."""
    if value is None:
        return ""
    return (value.decode(errors="replace") if isinstance(value, bytes) else str(value)).strip()
