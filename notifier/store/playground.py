"""An order table to play with, for the private stack: the application's own is never touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notifier.store.mysql import Database
from notifier.store.sql import flat, values_table

COLUMNS = """(
  order_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  order_no VARCHAR(64) NOT NULL,
  status TINYINT NOT NULL DEFAULT 0 COMMENT '0 open .. 5 rejected',
  design_userid BIGINT UNSIGNED NULL,
  design_username VARCHAR(64) NULL,
  design_time DATETIME NULL,
  publisher_openid VARCHAR(64) NULL,
  KEY by_number (order_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    order_id: int
    order_no: str
    publisher_openid: str


async def make_order_table(database: Database) -> None:
    """`tg_order_task` as the designer-order how-to has it, with the publisher's address."""
    await database.run(f"CREATE TABLE IF NOT EXISTS tg_order_task {COLUMNS}")


async def put_orders(database: Database, table: str, orders: Sequence[OpenOrder]) -> None:
    """Orders that nobody has taken; one that exists is open again. table: one of ours."""
    rows = [(order.order_id, order.order_no, order.publisher_openid) for order in orders]
    columns = ("order_id", "order_no", "publisher_openid")
    await database.run(
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT * FROM ({values_table(columns, len(rows))}) v ON DUPLICATE KEY UPDATE status = 0, "
        "order_no = v.order_no, publisher_openid = v.publisher_openid, "
        "design_userid = NULL, design_username = NULL, design_time = NULL",
        flat(rows),
    )
