"""What the server answers comes back as it was, in whatever pieces it comes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from notifier.errors import StoreError
from notifier.store import wire
from tests.core import Core

EVERY_KIND = (
    "SELECT 1, -9223372036854775808, 18446744073709551615, 1.50, 0.5e0, NULL, '', 'é李', "
    "CAST('2026-11-21 12:00:00.000001' AS DATETIME(6)), CAST('2026-11-21' AS DATETIME), "
    "CAST('2026-11-21' AS DATE), CAST('-01:00:00' AS TIME), 0x00FF, "
    "REPEAT('x', 250), REPEAT('x', 251), REPEAT('é', 40000), REPEAT('x', 3000000)"
)
VALUES = (
    *(1, -(2**63), 2**64 - 1, Decimal("1.50"), 0.5, None, "", "é李"),
    datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 11, 21, tzinfo=UTC),
    date(2026, 11, 21),
    -timedelta(hours=1),
    b"\0\xff",
    *("x" * 250, "x" * 251, "é" * 40_000, "x" * 3_000_000),
)


@pytest.mark.parametrize("chunk", [997, wire.CHUNK])
async def test_values_of_every_kind_and_length_are_read(
    core: Core, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(wire, "CHUNK", chunk)
    assert await core.database.fetch(EVERY_KIND) == [VALUES]


@pytest.mark.parametrize("chunk", [1, 7, wire.CHUNK])
async def test_the_last_of_several_statements_answers(
    core: Core, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(wire, "CHUNK", chunk)
    async with core.database.transaction() as cursor:
        cursor.later("SELECT 1, 2 UNION SELECT 3, 4")
        assert await cursor.fetch("SELECT 5") == [(5,)]
        assert await cursor.fetch("SELECT 5 FROM DUAL WHERE 1 = 0") == []
        cursor.later("SELECT 6")
        assert (
            await cursor.run(
                "INSERT INTO notifier_pause (scope, since, reason, who) VALUES (%s, NOW(6), '', '')"
                ", ('b', NOW(6), '', '')",
                ["a"],
            )
            == 2
        )
    assert await core.database.run("UPDATE notifier_pause SET who = 'me'") == 2
    assert await core.database.run("UPDATE notifier_pause SET who = 'me'") == 0


@pytest.mark.parametrize("chunk", [1, wire.CHUNK])
async def test_a_statement_that_is_refused_midway_spoils_no_later_one(
    core: Core, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(wire, "CHUNK", chunk)
    for refused in ("SELECT nonsense", "SELECT 1 UNION SELECT (SELECT 1 UNION SELECT 2)"):
        with pytest.raises(StoreError):
            await core.database.run(f"{refused}; DELETE FROM notifier_pause")
        assert await core.database.fetch("SELECT 1, 'x'") == [(1, "x")]
