"""The documents' log table: a row per attempt, whatever was answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from notifier.dispatch.run_log import Line
from notifier.store.run_log import MOST_ROWS, MysqlSink
from tests.core import Core

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def line(content: str) -> Line:
    return Line(at=AT, tier=5, content=content, runtime=timedelta(milliseconds=81.5))


async def test_a_line_is_a_row_with_its_runtime_in_seconds(core: Core) -> None:
    await MysqlSink(core.database).write([line("1912派单成功, errmsg:ok")])
    rows = await core.database.fetch("SELECT content, runtime FROM tg_log_order_dispatch")
    assert [(content, float(runtime)) for content, runtime in rows] == [
        ("1912派单成功, errmsg:ok", 0.0815)
    ]


async def test_more_lines_than_fit_one_statement_are_written(core: Core) -> None:
    await MysqlSink(core.database).write([line("x")] * (MOST_ROWS + 1))
    rows = await core.database.fetch("SELECT COUNT(*) FROM tg_log_order_dispatch")
    assert rows == [(MOST_ROWS + 1,)]


async def test_hostile_and_endless_answers_are_written(core: Core) -> None:
    await MysqlSink(core.database).write(
        [line("'; DROP TABLE x; -- \\ 😀" * 200), line("é" * 3000)]
    )
    rows = await core.database.fetch("SELECT COUNT(*) FROM tg_log_order_dispatch")
    assert rows == [(2,)]
