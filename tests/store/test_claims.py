"""The claim's transaction on the real database: who gets what, and what is written."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from notifier.domain.claim import Forget, NoRow, TooEarly
from notifier.domain.delay import ON_THE_WAY, TierDelays
from notifier.domain.lease import Claimed, Ended, Superseded
from notifier.domain.notification import ChannelName, Role, State, new_id
from notifier.domain.outcome import Outcome, Permanent, Retry, Sent
from notifier.domain.submission import of_record
from notifier.errors import StoreError
from notifier.store.orders import Orders, OrderTable
from tests.core import DESIGNER, PLACES, SECOND, TIERS, Core, anybody, attempted


async def test_a_due_notification_is_claimed_with_a_lease(core: Core) -> None:
    message = await core.due()
    claimed = await core.claimed(message)
    row = await core.row(message.notification_id)
    assert row["state"] == "in_flight"
    assert row["lease_token"] == claimed.token
    assert row["lease_owner"] == "test-1"
    assert row["lease_until"] == row["next_sweep_at"] == claimed.until == claimed.now + 30 * SECOND
    assert (row["seq"], row["step"], row["attempt"]) == (1, 0, 1)
    assert claimed.notification.recipient == row["recipient"]


@pytest.mark.parametrize("redelivered", [False, True])
async def test_a_message_without_a_row_is_told_so(core: Core, redelivered: bool) -> None:
    message = replace(await core.due(), notification_id=new_id())
    assert await core.claim(message, redelivered=redelivered) == NoRow()


async def test_a_duplicate_is_forgotten_in_the_same_batch_and_later(core: Core) -> None:
    message = await core.due()
    first, second = await core.claims.claim([(message, False), (message, True)])
    assert isinstance(first, Claimed)
    assert isinstance(second, Forget)
    assert isinstance(await core.claim(message, redelivered=True), Forget)


async def test_what_comes_too_early_is_told_the_exact_remainder(core: Core) -> None:
    message = await core.due()
    await core.shift(message.notification_id, "due_at", 5)
    result = await core.claim(message)
    assert isinstance(result, TooEarly)
    assert 4 * SECOND < result.remaining < 5 * SECOND
    assert (await core.row(message.notification_id))["state"] == "waiting"


@pytest.mark.parametrize(("left_s", "is_put_off"), [(4.5, True), (0.3, True), (0.04, False)])
async def test_what_comes_too_early_for_a_delay_that_is_not_held_is_put_off_to_its_moment(
    core: Core, left_s: float, is_put_off: bool
) -> None:
    """Up to 50 ms it waits in the process instead."""
    core.places = replace(PLACES, delays=TierDelays(TIERS))
    message = await core.due()
    await core.shift(message.notification_id, "due_at", left_s)
    result = await core.claim(message)
    row = await core.row(message.notification_id)
    if not is_put_off:
        assert isinstance(result, TooEarly)
        assert row["state"] == "waiting"
        return
    assert result == Forget(reason="left to the calendar")
    assert (row["state"], row["seq"], row["tier"]) == ("scheduled", message.seq, message.tier)
    assert row["next_sweep_at"] == row["due_at"] - ON_THE_WAY


async def test_where_no_tier_is_a_second_a_locked_order_is_left_to_the_calendar(
    core: Core,
) -> None:
    core.places = replace(PLACES, delays=TierDelays((3, 5)))
    message, record = await core.due_order()
    async with core.database.transaction() as cursor:
        await cursor.fetch(
            "SELECT status FROM tg_order_task WHERE order_id = %s FOR UPDATE", [record.order_id]
        )
        assert isinstance(await core.claim(message), Forget)
    row = await core.row(message.notification_id)
    assert row["state"] == "scheduled"
    assert row["now"] < row["next_sweep_at"] <= row["now"] + SECOND


async def test_a_stale_message_is_forgotten_and_a_redelivered_one_brings_the_later(
    core: Core,
) -> None:
    message = await core.due()
    await core.set(message.notification_id, seq=4, step=2, attempt=3, tier=5)
    await core.shift(message.notification_id, "due_at", 3)
    assert await core.claim(message) == Forget(reason="rescheduled")
    result = await core.claim(message, redelivered=True)
    assert isinstance(result, Superseded)
    assert (result.message.seq, result.message.attempt, result.message.tier) == (4, 3, 5)
    assert 2 * SECOND < result.delay <= 3 * SECOND
    assert (await core.row(message.notification_id))["state"] == "waiting"


@pytest.mark.parametrize(
    "state", ["scheduled", "in_flight", "sent", "dead", "cancelled", "unknown"]
)
async def test_only_a_waiting_row_is_claimed(core: Core, state: str) -> None:
    message = await core.due()
    await core.set(message.notification_id, state=state)
    assert isinstance(await core.claim(message), Forget)
    assert (await core.row(message.notification_id))["state"] == state


async def test_a_deadline_that_has_passed_is_an_attempt_without_a_send(core: Core) -> None:
    message, record = await core.due_order()
    await core.shift(message.notification_id, "deadline_at", -1)
    claimed = await core.claimed(message)
    assert claimed.refused == Permanent(code="expired")
    assert (await core.order(record.order_id))["status"] == 0


async def test_the_first_claim_dispatches_the_order(core: Core) -> None:
    message, record = await core.due_order()
    claimed = await core.claimed(message)
    order = await core.order(record.order_id)
    assert (order["status"], order["design_userid"]) == (1, DESIGNER)
    assert order["design_username"] == "李伟测试"
    assert order["design_time"] is not None
    row = await core.row(message.notification_id)
    assert row["dispatched_at"] == claimed.notification.dispatched_at == claimed.now


async def test_with_the_dispatch_the_publisher_gets_a_notification_of_his_own(core: Core) -> None:
    message, record = await core.due_order(publisher="oPublisher_x")
    claimed = await core.claimed(message)
    (publisher,) = await core.publishers()
    row = await core.row(publisher[0])
    assert publisher[1:] == ("waiting", "", "oPublisher_x")
    assert row["parent_id"] == message.notification_id.bytes
    assert row["due_at"] == claimed.now + SECOND
    (told,) = claimed.publish
    assert (told.notification_id, told.role) == (publisher[0], Role.PUBLISHER)
    assert told.due_at == row["due_at"]
    assert told.order_no == record.order_no


@pytest.mark.parametrize("address", ["", "  ", None])
async def test_a_missing_publishers_address_is_reported_dead(
    core: Core, address: str | None
) -> None:
    record = await core.put_order(publisher_openid=address)
    claimed = await core.claimed(await core.due(of_record(record)))
    assert claimed.refused is None
    assert claimed.publish == ()
    (publisher,) = await core.publishers()
    assert publisher[1:3] == ("dead", "no_publisher_address")
    assert (await core.row(publisher[0]))["next_sweep_at"] is None


async def test_a_table_without_a_publishers_column_reports_the_same(core: Core) -> None:
    core.books = {"orders": Orders(OrderTable(publisher_column=None))}
    message, _ = await core.due_order()
    await core.claimed(message)
    assert [row[1:3] for row in await core.publishers()] == [("dead", "no_publisher_address")]


async def test_where_publishers_are_not_told_a_dispatch_creates_nothing_for_them(
    core: Core,
) -> None:
    core.books = {"orders": Orders(OrderTable(), tells_publishers=False)}
    message, record = await core.due_order()
    claimed = await core.claimed(message)
    assert claimed.publish == ()
    assert await core.publishers() == []
    assert (await core.order(record.order_id))["status"] == 1


async def test_later_attempts_do_not_dispatch_again(core: Core) -> None:
    message, record = await core.due_order()
    await core.record(await core.claimed(message), Retry(code="-1"))
    await core.set_order(record.order_id, status=3)
    await core.make_due(message.notification_id)
    again, _ = await core.message(message.notification_id)
    claimed = await core.claimed(again)
    assert claimed.refused is None
    assert claimed.row.attempt == 2
    assert len(await core.publishers()) == 1
    assert (await core.order(record.order_id))["status"] == 3


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"status": 1, "design_userid": 777}, "taken_by_another"),
        ({"status": 1, "design_userid": DESIGNER}, "already_dispatched"),
        ({"status": 2, "design_userid": 777}, "order_designed"),
        ({"status": 3}, "order_finished"),
        ({"status": 4}, "order_cancelled"),
        ({"status": 5}, "order_rejected"),
        ({"status": 17}, "status_17"),
    ],
)
async def test_an_order_that_is_not_open_ends_the_notification_and_stays_as_it_is(
    core: Core, columns: dict[str, Any], reason: str
) -> None:
    message, record = await core.due_order(**columns)
    before = await core.order(record.order_id)
    assert await core.claim(message) == Ended(state=State.CANCELLED, reason=reason)
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"], row["next_sweep_at"]) == ("cancelled", reason, None)
    assert row["settled_at"] is not None
    assert await core.order(record.order_id) == before
    assert await core.publishers() == []


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"status": 4}, "order_cancelled"),
        ({"status": 5}, "order_rejected"),
        ({"design_userid": 777}, "taken_by_another"),
        ({"status": 0, "design_userid": None}, "order_reopened"),
    ],
)
async def test_an_order_that_is_lost_between_attempts_cancels(
    core: Core, columns: dict[str, Any], reason: str
) -> None:
    message, record = await core.due_order()
    await core.record(await core.claimed(message), Retry(code="-1"))
    await core.set_order(record.order_id, **columns)
    await core.make_due(message.notification_id)
    again, _ = await core.message(message.notification_id)
    assert await core.claim(again) == Ended(state=State.CANCELLED, reason=reason)


async def test_an_order_that_does_not_exist_is_a_failed_attempt(core: Core) -> None:
    message, record = await core.due_order()
    await core.database.run("DELETE FROM tg_order_task WHERE order_id = %s", [record.order_id])
    claimed = await core.claimed(message)
    assert isinstance(claimed.refused, Retry)
    assert claimed.refused.code == "unknown_order"
    assert str(record.order_id) in claimed.refused.detail


async def test_of_two_notifications_for_one_order_in_one_batch_only_one_gets_it(
    core: Core,
) -> None:
    record = await core.put_order()
    other = replace(record, designer_id=777, openid="oAnother_designer")
    messages = [await core.due(of_record(record)), await core.due(of_record(other))]
    first, second = await core.claims.claim([(message, False) for message in messages])
    assert isinstance(first, Claimed)
    assert second == Ended(state=State.CANCELLED, reason="taken_by_another")
    assert (await core.order(record.order_id))["design_userid"] == DESIGNER
    assert len(await core.publishers()) == 1


async def test_orders_that_are_off_leave_only_notifications(core: Core) -> None:
    message, record = await core.due_order()
    core.books = {}
    assert (await core.claimed(message)).refused is None
    assert (await core.order(record.order_id))["status"] == 0


async def test_an_order_table_of_other_names_and_kinds_is_served(core: Core) -> None:
    """Numbers kept as text, a status that nobody set: the table is the application's."""
    await core.database.run("DROP TABLE IF EXISTS shop_orders")
    await core.database.run(
        "CREATE TABLE shop_orders (nr VARCHAR(20) PRIMARY KEY, code VARCHAR(64), "
        "state CHAR(2) NULL, who VARCHAR(20) NULL, who_name VARCHAR(64) NULL, "
        "at TIMESTAMP NULL, owner VARBINARY(64) NULL)"
    )
    names = OrderTable(
        table="shop_orders",
        id_column="nr",
        number_column="code",
        status_column="state",
        designer_id_column="who",
        designer_name_column="who_name",
        designed_at_column="at",
        publisher_column="owner",
    )
    core.books = {"orders": Orders(names)}
    open_order, odd_order = await core.put_order(), await core.put_order()
    await core.database.run(
        "INSERT INTO shop_orders (nr, code, state, owner) VALUES (%s, 'a', '0', 'oOwner_1'), "
        "(%s, 'b', NULL, 'oOwner_2')",
        [str(open_order.order_id), str(odd_order.order_id)],
    )
    messages = [await core.due(of_record(item)) for item in (open_order, odd_order)]
    first, second = await core.claims.claim([(message, False) for message in messages])
    assert isinstance(first, Claimed)
    assert first.refused is None
    assert isinstance(second, Ended)
    assert second.reason.startswith("status_")
    assert [row[3] for row in await core.publishers()] == ["oOwner_1"]
    assert await core.database.fetch("SELECT state, who FROM shop_orders WHERE code = 'a'") == [
        ("1", str(DESIGNER))
    ]


async def test_a_missing_order_table_says_whose_it_is(core: Core) -> None:
    message, _ = await core.due_order()
    core.books = {"orders": Orders(OrderTable(table="shop_nowhere"))}
    with pytest.raises(StoreError, match=r"shop_nowhere.*set \[orders\] table"):
        await core.claim(message)
    assert (await core.row(message.notification_id))["state"] == "waiting"


async def test_many_processes_claiming_the_same_messages_get_each_exactly_once(core: Core) -> None:
    messages = [(await core.due_order())[0] for _ in range(20)]
    messages += [await core.due() for _ in range(20)]

    async def claim_all(owner: str, *, backwards: bool) -> list[Any]:
        process = Core(core.database, owner=owner)
        requests = [(message, True) for message in messages]
        results = await process.claims.claim(requests[::-1] if backwards else requests)
        return [result for result in results if isinstance(result, Claimed)]

    claimed = await asyncio.gather(*(claim_all(f"p{n}", backwards=bool(n % 2)) for n in range(6)))
    ids = Counter(item.notification.id for items in claimed for item in items)
    assert ids == Counter({message.notification_id: 1 for message in messages})
    assert len(await core.publishers()) == 20


async def test_overlapping_batches_claim_and_record_without_deadlock(core: Core) -> None:
    messages = [(await core.due_order())[0] for _ in range(30)]

    async def work(owner: str, offset: int) -> int:
        process = Core(core.database, owner=owner)
        rotated = messages[offset:] + messages[:offset]
        done = 0
        for start in range(0, len(rotated), 10):
            batch = [(message, False) for message in rotated[start : start + 10]]
            for result in await process.claims.claim(batch):
                if isinstance(result, Claimed):
                    await process.record(result, Permanent(code="x"))
                    done += 1
        return done

    counts = await asyncio.gather(*(work(f"p{n}", 7 * n) for n in range(4)))
    assert sum(counts) == len(messages)


async def test_overlapping_batches_of_every_outcome_are_recorded_without_deadlock(
    core: Core,
) -> None:
    messages = [(await core.due_order())[0] for _ in range(30)]

    async def work(owner: str, offset: int) -> int:
        process = Core(core.database, owner=owner)
        rotated = messages[offset:] + messages[:offset]
        done = 0
        for start in range(0, len(rotated), 10):
            batch = [(message, False) for message in rotated[start : start + 10]]
            claimed = [one for one in await process.claims.claim(batch) if isinstance(one, Claimed)]
            outcomes: list[Outcome] = [Sent(), Permanent(code="x")] * 5
            done += len(claimed)
            await process.records.record(list(map(attempted, claimed, outcomes)))
        return done

    counts = await asyncio.gather(*(work(f"p{n}", 7 * n) for n in range(4)))
    assert sum(counts) == len(messages)


async def test_claimed_orders_and_free_ones_are_kept_apart_in_a_mixed_batch(core: Core) -> None:
    good, record = await core.due_order()
    taken, _ = await core.due_order(status=1, design_userid=777)
    plain = await core.due(anybody(channel=ChannelName.WEBHOOK))
    early = await core.due()
    await core.shift(early.notification_id, "due_at", 30)
    nobody = replace(early, notification_id=new_id())
    requests = [(message, False) for message in (taken, nobody, good, early, plain)]
    kinds = [type(result) for result in await core.claims.claim(requests)]
    assert kinds == [Ended, NoRow, Claimed, TooEarly, Claimed]
    assert (await core.row(plain.notification_id))["dispatched_at"] is None
    assert (await core.order(record.order_id))["status"] == 1
