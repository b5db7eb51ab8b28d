"""Bringing notifier's tables to the version this program needs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from notifier.errors import StoreError, StoreUnavailable
from notifier.stack import Stack
from notifier.store.mysql import Database, MysqlOptions
from notifier.store.upgrade import newest, upgrade
from tests.core import own_schema

TABLES = {
    "notifier_answer",
    "notifier_api_key",
    "notifier_attempt",
    "notifier_deed",
    "notifier_delay",
    "notifier_endpoint",
    "notifier_intake_rejected",
    "notifier_loadtest_order",
    "notifier_notification",
    "notifier_operator",
    "notifier_operator_pass",
    "notifier_outbox",
    "notifier_outbox_rejected",
    "notifier_pause",
    "notifier_pause_ended",
    "notifier_receipt",
    "notifier_undelivered",
    "notifier_rescheduled",
    "notifier_version",
    "tg_log_order_dispatch",
}


@pytest.fixture
def empty(stack: Stack) -> Iterator[MysqlOptions]:
    with own_schema(stack, upgraded=False) as options:
        yield options


def asked(options: MysqlOptions, *statements: str) -> list[tuple[Any, ...]]:
    async def ask() -> list[tuple[Any, ...]]:
        database = Database(options)
        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            rows = await database.fetch(statement)
        await database.close()
        return rows

    return asyncio.run(ask())


def test_an_empty_database_gets_our_tables_and_never_an_order_table(empty: MysqlOptions) -> None:
    versions = upgrade(empty)
    assert (versions.before, versions.after) == ("", newest())
    assert {row[0] for row in asked(empty, "SHOW TABLES")} == TABLES


def test_a_second_time_changes_nothing(empty: MysqlOptions) -> None:
    upgrade(empty)
    asked(empty, "INSERT INTO notifier_pause VALUES ('s', NOW(6), NULL, 'kept', '')")
    versions = upgrade(empty)
    assert versions.before == versions.after == newest()
    assert asked(empty, "SELECT reason FROM notifier_pause") == [("kept",)]


def test_two_at_once_do_it_once(empty: MysqlOptions) -> None:
    with ThreadPoolExecutor(2) as pool:
        versions = list(pool.map(upgrade, [empty, empty]))
    assert sorted(item.before for item in versions) == ["", newest()]


def test_one_that_died_halfway_is_finished(empty: MysqlOptions) -> None:
    """DDL commits by itself: tables may be there and the version not."""
    upgrade(empty)
    asked(empty, "DROP TABLE notifier_pause", "DELETE FROM notifier_version")
    assert upgrade(empty).after == newest()
    assert {row[0] for row in asked(empty, "SHOW TABLES")} == TABLES


def test_an_existing_log_table_of_the_documents_is_left_as_it_is(empty: MysqlOptions) -> None:
    asked(
        empty, "CREATE TABLE tg_log_order_dispatch (content TEXT, runtime FLOAT, w_time DATETIME)"
    )
    upgrade(empty)
    assert len(asked(empty, "DESCRIBE tg_log_order_dispatch")) == 3


def test_a_database_of_a_newer_program_is_left_alone(empty: MysqlOptions) -> None:
    upgrade(empty)
    asked(empty, "UPDATE notifier_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"9999.*newer"):
        upgrade(empty)


def test_a_database_that_does_not_exist_is_named(empty: MysqlOptions) -> None:
    with pytest.raises(StoreError, match="notifier_nowhere"):
        upgrade(replace(empty, url=empty.url.rsplit("/", 1)[0] + "/notifier_nowhere"))


def test_an_unreachable_server_is_named_with_its_address() -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1") as caught:
        upgrade(MysqlOptions(url="mysql://root:hunter2@127.0.0.1:1/notifier"))
    assert "hunter2" not in str(caught.value)
