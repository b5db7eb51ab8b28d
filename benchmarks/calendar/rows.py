"""Many notifications at once: those that wait for months, and between them some that come due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from notifier.store.mysql import Database
from notifier.store.sql import rows_of_marks

CHUNK = 10_000
FAR = datetime(2090, 1, 1, tzinfo=UTC)
"""What is to come due waits behind this moment until all rows are there."""
SCATTER = 7919
"""A prime: rows of one round do not lie side by side."""
PAYLOAD = f'{{"first": "breakfast is ready", "keyword1": "table 7", "remark": "{"x" * 80}"}}'

_NUMBERS = "CREATE TABLE benchmark_number (n BIGINT NOT NULL PRIMARY KEY)"
_FILL = """
INSERT INTO notifier_notification (id, role, channel, recipient, order_no, template, payload,
  state, tier, accepted_at, due_at, next_sweep_at)
SELECT UNHEX(CONCAT(LPAD(HEX(1795000000000 + t.n), 12, '0'), '70008', LEFT(MD5(t.n), 15))),
  'recipient', 'wechat', CONCAT('oCustomer_', t.n), CONCAT('breakfast-', t.n), 'designer',
  %s, 'scheduled', 1, NOW(6), t.moment, t.moment
FROM (
  SELECT s.n, IF(MOD(s.n * %s, %s) < %s,
    %s + INTERVAL MOD((s.n * %s DIV %s) * %s, %s) SECOND,
    NOW(6) + INTERVAL 86400 + MOD(s.n * %s, 8000000) SECOND) AS moment
  FROM (SELECT %s + n AS n FROM benchmark_number) s
  WHERE s.n < %s
) t
"""
_LET_COME_DUE = """
UPDATE notifier_notification
SET next_sweep_at =
    NOW(6) + INTERVAL %s + TIMESTAMPDIFF(SECOND, %s, next_sweep_at) * %s MICROSECOND,
  due_at = next_sweep_at + INTERVAL 1 HOUR
WHERE state = 'scheduled' AND next_sweep_at >= %s
"""


async def fill(database: Database, *, others: int, due: int, rounds: int) -> None:
    """The due ones are spread evenly over the table, and each round's over all of them."""
    await database.run(_NUMBERS)
    numbers = rows_of_marks(CHUNK, 1)
    await database.run("INSERT INTO benchmark_number VALUES " + numbers, list(range(CHUNK)))  # noqa: S608
    total = others + due
    is_due, number = (due, total, due), (due, total)
    for start in range(0, total, CHUNK):
        moment = (FAR, *number, SCATTER, rounds)
        await database.run(_FILL, [PAYLOAD, *is_due, *moment, SCATTER, start, total])
    await database.run("DROP TABLE benchmark_number")
    await database.fetch("ANALYZE TABLE notifier_notification")


async def let_come_due(database: Database, *, first_in: timedelta, every: timedelta) -> None:
    """From now on round after round reaches its moment of promotion.

    The broker then holds them for an hour, and does nothing while the next are promoted.
    """
    await database.run(_LET_COME_DUE, [_us(first_in), FAR, _us(every), FAR])


def _us(duration: timedelta) -> int:
    return round(duration / timedelta(microseconds=1))
