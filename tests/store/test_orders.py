"""The application's order table: read, claimed, and left alone otherwise."""

from __future__ import annotations

import pytest

from notifier.errors import SettingsError, StoreError
from notifier.store.orders import NO_STATUS, Assignment, Locked, Orders, OrderTable
from tests.core import Core

ORDERS = Orders(OrderTable())


async def test_an_order_is_found_by_its_number(core: Core) -> None:
    record = await core.put_order(publisher="oPublisher_x")
    found = await ORDERS.find(core.database, record.order_no)
    assert found is not None
    assert found[0] == record.order_no
    assert (found[1].order_id, found[1].status) == (record.order_id, 0)
    assert (found[1].designer_id, found[1].publisher) == (None, "oPublisher_x")
    assert await ORDERS.find(core.database, "nobody's") is None
    assert await ORDERS.find(core.database, "' OR 1=1 -- ") is None


async def test_orders_are_locked_and_those_that_do_not_exist_are_left_out(core: Core) -> None:
    first, second = await core.put_order(), await core.put_order(status=3)
    async with core.database.transaction() as cursor:
        locked = await ORDERS.lock(
            cursor, [second.order_id, 10**12, first.order_id, first.order_id]
        )
        assert await ORDERS.lock(cursor, []) == Locked()
    assert {order_id: row.status for order_id, row in locked.orders.items()} == {
        first.order_id: 0,
        second.order_id: 3,
    }
    assert locked.held == frozenset()


async def test_an_order_that_somebody_else_holds_is_told_apart_from_one_that_is_missing(
    core: Core,
) -> None:
    free, held = await core.put_order(), await core.put_order()
    async with core.database.transaction() as theirs, core.database.transaction() as ours:
        await ORDERS.lock(theirs, [held.order_id])
        locked = await ORDERS.lock(ours, [free.order_id, held.order_id, 10**12])
    assert set(locked.orders) == {free.order_id}
    assert locked.held == {held.order_id}


async def test_each_order_gets_its_own_designer(core: Core) -> None:
    records = [await core.put_order() for _ in range(3)]
    names = ["李伟", "O'Brien \\", "😀"]
    async with core.database.transaction() as cursor:
        ORDERS.assign(cursor, [])
        ORDERS.assign(
            cursor,
            [
                Assignment(order_id=record.order_id, designer_id=100 + n, designer_name=names[n])
                for n, record in enumerate(records)
            ],
        )
    for n, record in enumerate(records):
        order = await core.order(record.order_id)
        assert (order["status"], order["design_userid"]) == (1, 100 + n)
        assert order["design_username"] == names[n]


async def test_an_order_that_is_not_open_is_never_assigned(core: Core) -> None:
    record = await core.put_order(status=4)
    before = await core.order(record.order_id)
    async with core.database.transaction() as cursor:
        ORDERS.assign(
            cursor, [Assignment(order_id=record.order_id, designer_id=1, designer_name="x")]
        )
    assert await core.order(record.order_id) == before


async def test_a_table_in_another_schema_is_served(core: Core) -> None:
    record = await core.put_order()
    (schema,) = (await core.database.fetch("SELECT DATABASE()"))[0]
    orders = Orders(OrderTable(table=f"{schema}.tg_order_task"))
    assert await orders.find(core.database, record.order_no) is not None


async def test_a_probe_finds_a_missing_table_or_column_and_says_whose_it_is(core: Core) -> None:
    await ORDERS.probe(core.database)
    with pytest.raises(StoreError, match=r"shop_nowhere.*\[orders\]"):
        await Orders(OrderTable(table="shop_nowhere")).probe(core.database)
    with pytest.raises(StoreError, match=r"nobody.*\[orders\]"):
        await Orders(OrderTable(publisher_column="nobody")).probe(core.database)


@pytest.mark.parametrize("name", ["a b", "t; DROP TABLE t", "a`b", ""])
def test_a_name_that_could_break_out_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"\[orders\]"):
        Orders(OrderTable(status_column=name))


async def test_an_order_without_a_status_is_neither_open_nor_anything(core: Core) -> None:
    record = await core.put_order()
    await core.database.run("ALTER TABLE tg_order_task MODIFY status TINYINT NULL")
    await core.set_order(record.order_id, status=None)
    found = await ORDERS.find(core.database, record.order_no)
    assert found is not None
    assert found[1].status == NO_STATUS
