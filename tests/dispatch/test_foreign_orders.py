"""Another program's `##` record on a tier's queue, where such orders are accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from notifier.dispatch.foreign import ForeignOrders
from notifier.dispatch.intake import AcceptStore, Intake
from notifier.domain.order import OrderRecord, record_text
from notifier.domain.submission import Submission, of_record
from notifier.errors import BrokerUnavailable, StoreError, StoreUnavailable
from notifier.store.accept import Acceptance, Acceptor
from tests.core import SECOND, Core
from tests.dispatch.floor import Floor, Process

HELLO = b"[1 - 42] hello world 2026-11-21 12:00:00"


@pytest.fixture
def floor(core: Core) -> Floor:
    floor = Floor(core)
    floor.orders = orders_of(core.acceptor, floor)
    return floor


def orders_of(store: AcceptStore, floor: Floor) -> ForeignOrders:
    return ForeignOrders(
        Intake(store, floor.publisher), order_book="orders", claim_window=40 * SECOND
    )


async def body_of(core: Core, **changes: object) -> tuple[bytes, OrderRecord]:
    record = replace(await core.put_order(), **changes)  # type: ignore[arg-type]
    return record_text(record).encode(), record


async def ids(core: Core) -> list[UUID]:
    rows = await core.database.fetch("SELECT id FROM notifier_notification ORDER BY id")
    return [UUID(bytes=row[0]) for row in rows]


async def test_a_record_is_accepted_as_a_published_order_would_be_and_told(
    core: Core, floor: Floor, process: Process
) -> None:
    body, record = await body_of(core)
    assert await process.deliver(body, headers={"x-delay": -1000}) == 1
    ((message, delay),) = floor.publisher.published
    assert delay <= timedelta(0)
    assert await process.deliver(message) == 1
    assert [told.recipient for told in floor.wechat.sent] == [record.openid]
    assert (await core.order(record.order_id))["design_userid"] == record.designer_id
    assert floor.dead == []


async def test_one_whose_claim_window_is_open_waits_for_its_end(
    core: Core, floor: Floor, process: Process
) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=40)
    body, _ = await body_of(core, claim_deadline=soon)
    assert await process.deliver(body) == 1
    ((message, delay),) = floor.publisher.published
    assert message.due_at == soon
    assert 0 * SECOND < delay <= 40 * SECOND


@pytest.mark.parametrize("expiry", [b"", b"0"])
async def test_one_without_an_expiry_waits_as_long_as_its_writer_or_the_settings_say(
    core: Core, floor: Floor, process: Process, expiry: bytes
) -> None:
    bodies = [(await body_of(core))[0].replace(b"1577836800", expiry) for _ in range(2)]
    assert await process.deliver(bodies[0], headers={"x-delay": -300_000}) == 1
    assert await process.deliver(bodies[1]) == 1
    (_, none), (_, window) = floor.publisher.published
    assert none <= timedelta(0)
    assert 0 * SECOND < window <= 40 * SECOND


async def test_one_that_is_due_much_later_waits_in_the_calendar(
    core: Core, floor: Floor, process: Process
) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    body, _ = await body_of(core, claim_deadline=later)
    assert await process.deliver(body) == 1
    (id_,) = await ids(core)
    row = await core.row(id_)
    assert (row["state"], row["due_at"]) == ("scheduled", later)
    assert floor.publisher.published == []


async def test_the_same_record_again_from_anywhere_is_one_order(
    core: Core, floor: Floor, process: Process
) -> None:
    body, _ = await body_of(core)
    deliveries = [process.deliver(body + end, redelivered=True) for end in (b"", b"\n") * 5]
    assert await asyncio.gather(*deliveries) == [1] * 10
    assert len(await ids(core)) == len(floor.publisher.published) == 1


async def test_one_that_was_committed_and_perhaps_not_published_is_published_at_once(
    core: Core, floor: Floor, process: Process
) -> None:
    """Its process died between the commit and the publish."""
    body, record = await body_of(core)
    await core.accept(replace(of_record(record), delay=timedelta(0)))
    assert await process.deliver(body, redelivered=True) == 1
    (id_,) = await ids(core)
    row = await core.row(id_)
    assert row["next_sweep_at"] <= row["now"]


async def test_bad_records_go_to_the_dead_queue_with_field_and_value_and_spoil_no_other(
    core: Core, floor: Floor, process: Process
) -> None:
    good = [(await body_of(core))[0] for _ in range(5)]
    bad = {
        good[0].replace(b"oDesigner_", b"o Designer "): "openid: 'o Designer ",
        good[0] + b"##7": "record: '1912",
        HELLO: "record: '[1 - 42] hello world",
        b"1912136916313": "has 1 fields, not the 6 of order_no##order_id##",
        "李伟".encode("gbk"): "record: is not UTF-8: byte 0xc0 at 0",
        b'{"order_no": "1##2"}': "v: None",
    }
    bodies = [*good, *bad]
    assert await asyncio.gather(*map(process.deliver, bodies)) == [1] * len(bodies)
    assert len(await ids(core)) == 5
    reasons = {body: str(reason) for body, reason in floor.dead}
    assert reasons.keys() == bad.keys()
    assert [body for body, says in bad.items() if says not in reasons[body]] == []


async def test_where_they_are_not_accepted_the_reason_names_the_setting(
    core: Core, floor: Floor
) -> None:
    floor.orders = None
    process = floor.process()
    body, _ = await body_of(core)
    assert await process.deliver(body) == 1
    assert await process.deliver(HELLO) == 1
    ((_, of_record), (_, of_hello)) = floor.dead
    assert "[amqp] accept_foreign_orders is off" in str(of_record)
    assert str(of_hello).startswith("body: is no JSON")
    assert await ids(core) == []


async def test_with_the_broker_away_it_is_committed_and_the_sweeper_publishes(
    core: Core, floor: Floor, process: Process
) -> None:
    body, _ = await body_of(core)
    floor.broker.is_away = True
    assert await process.deliver(body) == 1
    (id_,) = await ids(core)
    row = await core.row(id_)
    assert row["state"] == "waiting"
    assert row["next_sweep_at"] <= row["now"]


async def test_a_bad_one_is_not_acked_before_the_dead_queue_has_it(
    floor: Floor, process: Process
) -> None:
    floor.broker.is_away = True
    with pytest.raises(BrokerUnavailable):
        await process.deliver(b"1##2")


class RefusingStore:
    """Raises these, one at each call, then accepts."""

    def __init__(self, store: Acceptor, *errors: Exception) -> None:
        self._store = store
        self._errors = list(errors)

    async def accept(self, submissions: Sequence[Submission]) -> Acceptance:
        if self._errors:
            raise self._errors.pop(0)
        return await self._store.accept(submissions)

    async def hasten(self, ids: Sequence[UUID]) -> None:
        await self._store.hasten(ids)


def refusing(core: Core, floor: Floor, *errors: Exception) -> ForeignOrders:
    return orders_of(RefusingStore(core.acceptor, *errors), floor)


async def test_while_the_database_is_away_it_is_held(core: Core, floor: Floor) -> None:
    floor.orders = refusing(core, floor, StoreUnavailable("away"), StoreUnavailable("away"))
    body, _ = await body_of(core)
    assert await floor.process().deliver(body) == 1
    assert len(floor.publisher.published) == 1
    assert floor.dead == []


async def test_what_the_database_refuses_for_good_is_kept_in_the_dead_queue(
    core: Core, floor: Floor
) -> None:
    floor.orders = refusing(core, floor, StoreError("no such column"))
    body, _ = await body_of(core)
    assert await floor.process().deliver(body) == 1
    assert floor.dead == [(body, "no such column")]
