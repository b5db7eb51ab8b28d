"""AsyncNotifier: what it returns is committed, and what it raises changed nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from notifier import AsyncNotifier, Notice
from notifier.domain.notification import State
from notifier.domain.order import parse_record
from notifier.errors import IdempotencyConflict, InvalidInput, NotifierError, StoreUnavailable
from notifier.settings import Settings
from notifier.store.mysql import Database
from notifier.wiring import parts
from tests.house import House

RECORD = "1912136916313##150481##4070908800##oLvqQwo25p5myELvO5VXj0k##李伟##13926"
NOWHERE = "127.0.0.1:1"


@pytest.fixture
async def database(house: House) -> AsyncIterator[Database]:
    async with parts.open_database(house.settings) as database:
        yield database


@pytest.fixture
async def notifier(house: House) -> AsyncIterator[AsyncNotifier]:
    async with AsyncNotifier(house.settings) as notifier:
        yield notifier


async def count(database: Database) -> int:
    return int((await database.fetch("SELECT COUNT(*) FROM notifier_notification"))[0][0])


def push(number: int, **fields: object) -> Notice:
    return replace(Notice(channel="push", recipient=f"user-{number}"), **fields)  # type: ignore[arg-type]


async def test_what_is_returned_is_committed_and_with_the_broker(
    notifier: AsyncNotifier, database: Database
) -> None:
    accepted = await notifier.notify(
        channel="webhook",
        recipient="https://merchant.example.com/notify",
        payload={"paid": "12.50"},
        ladder="alipay",
        idempotency_key="payment-4711",
        delay=timedelta(seconds=30),
    )
    assert (accepted.new, accepted.state, accepted.held_up) == (True, State.WAITING, "")
    rows = await database.fetch("SELECT id, due_at, ladder FROM notifier_notification")
    assert rows == [(accepted.id.bytes, accepted.due_at, "alipay")]


async def test_the_same_key_is_known_already_and_another_content_is_a_conflict(
    notifier: AsyncNotifier, database: Database
) -> None:
    one = {"channel": "push", "recipient": "user-7", "idempotency_key": "k-1"}
    first = await notifier.notify(**one)  # type: ignore[arg-type]
    again = await notifier.notify(**one, delay=timedelta(hours=1))  # type: ignore[arg-type]
    assert (again.id, again.new) == (first.id, False)
    with pytest.raises(IdempotencyConflict, match="'k-1' was used before"):
        await notifier.notify(**one, payload={"n": 1})  # type: ignore[arg-type]
    assert await count(database) == 1


async def test_a_bad_one_among_many_is_named_by_its_place_and_none_is_accepted(
    notifier: AsyncNotifier, database: Database
) -> None:
    with pytest.raises(InvalidInput, match=r"^notices\[1\].recipient: is empty") as caught:
        await notifier.notify_many([push(1), Notice(channel="push", recipient="")])
    assert caught.value.field == "notices[1].recipient"
    with pytest.raises(IdempotencyConflict):
        await notifier.notify_many([push(1, idempotency_key="k"), push(2, idempotency_key="k")])
    assert await count(database) == 0


async def test_many_are_answered_in_their_order(
    notifier: AsyncNotifier, database: Database
) -> None:
    at = datetime(2099, 1, 1, tzinfo=UTC)
    accepted = await notifier.notify_many(
        push(number, at=at + timedelta(seconds=number)) for number in range(1200)
    )
    assert [item.due_at - at for item in accepted] == [timedelta(seconds=n) for n in range(1200)]
    assert await count(database) == 1200
    assert await notifier.notify_many([]) == []


async def test_an_order_is_published_as_text_or_as_a_value(notifier: AsyncNotifier) -> None:
    first = await notifier.publish_order(RECORD)
    again = await notifier.publish_order(parse_record(RECORD))
    assert (first.new, again.new, first.id) == (True, False, again.id)
    assert first.due_at == datetime.fromtimestamp(4070908800, UTC)
    third = await notifier.publish_order(RECORD, again=True, delay=timedelta(hours=1))
    assert third.id != first.id
    with pytest.raises(InvalidInput, match="order_no: 'a b'"):
        await notifier.publish_order(replace(parse_record(RECORD), order_no="a b"))
    naive = replace(parse_record(RECORD), claim_deadline=datetime(2026, 1, 1))
    with pytest.raises(InvalidInput, match="claim_deadline: 2026-01-01 00:00:00 has no time zone"):
        await notifier.publish_order(naive)


async def test_many_tasks_may_ask_at_once(notifier: AsyncNotifier, database: Database) -> None:
    accepted = await asyncio.gather(
        *(notifier.notify(channel="push", recipient=f"user-{n}") for n in range(100))
    )
    assert len({item.id for item in accepted}) == await count(database) == 100


def without_broker(settings: Settings) -> Settings:
    amqp = settings.amqp.model_copy(update={"url": type(settings.amqp.url)(f"amqp://{NOWHERE}/")})
    return settings.model_copy(update={"amqp": amqp})


async def test_without_the_broker_it_is_accepted_and_held_up(
    house: House, database: Database
) -> None:
    async with AsyncNotifier(without_broker(house.settings)) as notifier:
        accepted = await notifier.notify(channel="push", recipient="user-7")
    assert accepted.new
    assert NOWHERE in accepted.held_up
    assert await count(database) == 1


async def test_without_the_database_nothing_is_promised_and_the_next_call_tries_again(
    house: House,
) -> None:
    url = type(house.settings.mysql.url)(f"mysql://root:hunter2@{NOWHERE}/notifier")
    mysql = house.settings.mysql.model_copy(update={"url": url})
    async with AsyncNotifier(house.settings.model_copy(update={"mysql": mysql})) as notifier:
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=NOWHERE):
                await notifier.notify(channel="push", recipient="user-7")


async def test_a_closed_one_refuses(house: House) -> None:
    async with AsyncNotifier(house.settings) as notifier:
        pass
    with pytest.raises(NotifierError, match="closed"):
        await notifier.notify(channel="push", recipient="user-7")


def test_one_of_another_event_loop_refuses(house: House) -> None:
    notifier = AsyncNotifier(house.settings)

    async def once() -> None:
        await notifier.notify(channel="push", recipient="user-7")
        await notifier.close()
        notifier._is_closed = False

    asyncio.run(once())
    with pytest.raises(NotifierError, match="another event loop"):
        asyncio.run(once())
