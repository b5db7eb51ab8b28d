"""The run log's sink in MySQL: the designer-order how-to's `tg_log_order_dispatch`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from notifier.store.mysql import Database
from notifier.store.sql import tuples

MOST_ROWS = 1000


class Line(Protocol):
    @property
    def at(self) -> datetime: ...
    @property
    def content(self) -> str: ...
    @property
    def runtime(self) -> timedelta: ...


class MysqlSink:
    name = "mysql"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, lines: Sequence[Line]) -> None:
        for start in range(0, len(lines), MOST_ROWS):
            rows = [
                (line.content, line.runtime.total_seconds(), line.at)
                for line in lines[start : start + MOST_ROWS]
            ]
            await self._database.run(
                "INSERT INTO tg_log_order_dispatch (content, runtime, w_time) VALUES %s",
                [tuples(rows)],
            )
