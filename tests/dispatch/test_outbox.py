"""The outbox: committed rows become notifications once; bad ones stand in nobody's way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from notifier.dispatch.intake import Intake
from notifier.dispatch.outbox import MOST, Relay
from notifier.dispatch.tally import Tally
from notifier.domain.message import Message
from notifier.domain.notice import Offer
from notifier.domain.notification import ChannelName
from notifier.domain.outbox import submission_of_row
from notifier.errors import BrokerUnavailable
from notifier.store.mysql import Database, MysqlOptions
from notifier.store.outbox import Outbox
from notifier.store.outbox_rows import Backlog, OutboxRows
from tests.core import LADDERS, SECOND, Core
from tests.dispatch.floor import Floor

OFFER = Offer(
    ladders=tuple(LADDERS),
    templates={ChannelName.WECHAT: {"ready": {"dish"}}},
    check_url=lambda url: None,
)


class AwayPublisher:
    async def publish_many(self, messages: Iterable[tuple[Message, timedelta]]) -> None:
        raise BrokerUnavailable("away")


@pytest.fixture
def outbox(core: Core) -> Core:
    return core


def relay(core: Core, publisher: Any) -> Relay:
    return Relay(
        Outbox(core.database, core.acceptor),
        Intake(core.acceptor, publisher),
        judge=partial(submission_of_row, offer=OFFER),
        poll=timedelta(milliseconds=20),
        tally=Tally(),
    )


def rows_of(core: Core) -> OutboxRows:
    return OutboxRows(core.database)


async def put(core: Core, **columns: object) -> None:
    columns = {"channel": "push", "recipient": "user-1"} | columns
    names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
    await core.database.run(
        f"INSERT INTO notifier_outbox ({names}) VALUES ({marks})", list(columns.values())
    )


async def notifications(core: Core, columns: str = "recipient") -> list[Any]:
    sql = f"SELECT {columns} FROM notifier_notification ORDER BY recipient"
    return [row[0] if len(row) == 1 else row for row in await core.database.fetch(sql)]


async def test_a_row_becomes_a_notification_and_leaves(outbox: Core, floor: Floor) -> None:
    await put(
        outbox,
        channel="wechat",
        recipient="oLvqQwo25p5",
        template="ready",
        payload='{"dish": "豆浆"}',
        order_no="1912136916313",
        idempotency_key="k-1",
        ladder="short",
    )
    assert not await relay(outbox, floor.publisher).move()
    columns = "role, channel, recipient, template, payload, order_no, idempotency_key, ladder"
    assert await notifications(outbox, columns) == [
        (
            *("recipient", "wechat", "oLvqQwo25p5", "ready", '{"dish":"豆浆"}'),
            *("1912136916313", "k-1", "short"),
        )
    ]
    assert len(floor.publisher.published) == 1
    assert await rows_of(outbox).backlog() == Backlog(waiting=0, oldest_s=0, rejected=0)


async def test_channel_and_recipient_are_enough(outbox: Core, floor: Floor) -> None:
    await put(outbox)
    await relay(outbox, floor.publisher).move()
    assert await notifications(outbox, "state, ladder, tier") == [("waiting", "default", 1)]


async def test_moments_mean_the_same_in_every_session(outbox: Core, floor: Floor) -> None:
    """The application's session is in Beijing, ours in UTC."""
    columns = "(channel, recipient, due_unix, delay_s, deadline_unix)"
    async with outbox.database.transaction() as cursor:
        await cursor.run("SET time_zone = '+08:00'")
        await cursor.run(
            f"INSERT INTO notifier_outbox {columns} VALUES "
            "('push', 'a-moment', UNIX_TIMESTAMP('2030-01-01 08:00:00'), NULL, 4102401600), "
            "('push', 'b-delay', NULL, 90.5, NULL), ('push', 'c-now', NULL, 0, NULL)"
        )
        await cursor.run("SET time_zone = '+00:00'")
    await relay(outbox, floor.publisher).move()
    found = await outbox.database.fetch(
        "SELECT due_at, deadline_at, TIMESTAMPDIFF(MICROSECOND, accepted_at, due_at) "
        "FROM notifier_notification ORDER BY recipient"
    )
    assert found[0][0].isoformat() == "2030-01-01T00:00:00+00:00"
    assert found[0][1].isoformat() == "2099-12-31T12:00:00+00:00"
    assert 80_000_000 < found[1][2] <= 90_500_000
    assert found[2][2] == 0


BAD: list[tuple[dict[str, object], str]] = [
    ({"channel": "sms"}, "channel: there is no 'sms'"),
    ({"recipient": ""}, "recipient: is empty"),
    ({"channel": "webhook", "recipient": "endpoint:x"}, "recipient: there is no endpoint 'x'"),
    ({"channel": "wechat", "recipient": "oLvqQwo25p5"}, "template: wechat needs one"),
    ({"payload": "{"}, "payload: is no JSON"),
    ({"payload": "[1]"}, "payload: is a JSON array"),
    ({"payload": '{"a": "' + "x" * 200_000 + '"}'}, "payload: has 200009 bytes, at most 65536"),
    ({"ladder": "nix"}, "ladder: there is no 'nix'"),
    ({"due_unix": 4000000000, "delay_s": 1}, "at: give either at or delay"),
    ({"due_unix": 4102444800}, "due_unix: 4102444800.000000 is not between 1970 and 2100"),
    ({"delay_s": -1}, "delay: -1 day"),
    ({"deadline_unix": 1}, "deadline: 1970-01-01T00:00:01+00:00 is not after the first"),
    ({"idempotency_key": ""}, "idempotency_key: is empty"),
    ({"idempotency_key": "k-1", "payload": '{"n": 2}'}, "'k-1' was used before"),
]


async def test_bad_rows_are_kept_aside_with_the_reason_and_block_nobody(
    outbox: Core, floor: Floor
) -> None:
    await put(outbox, recipient="good-1", idempotency_key="k-1")
    for columns, _ in BAD:
        await put(outbox, **columns)
    await put(outbox, recipient="good-2")
    await relay(outbox, floor.publisher).move()
    assert await notifications(outbox) == ["good-1", "good-2"]
    rejected = (await rows_of(outbox).rejected(most=100))[::-1]
    assert len(rejected) == len(BAD)
    for row, (_, says) in zip(rejected, BAD, strict=True):
        assert says in row.reason
    assert (await rows_of(outbox).backlog()).waiting == 0


async def test_what_was_kept_aside_can_be_put_back_or_dropped(outbox: Core, floor: Floor) -> None:
    await put(outbox, ladder="later", recipient="a")
    await put(outbox, ladder="later", recipient="b")
    await relay(outbox, floor.publisher).move()
    one, two = await rows_of(outbox).rejected(most=100)
    assert await rows_of(outbox).drop(one.id) == 1
    await outbox.database.run("UPDATE notifier_outbox_rejected SET ladder = 'short'")
    assert await rows_of(outbox).put_back(two.id) == 1
    assert await rows_of(outbox).put_back(None) == 0
    await relay(outbox, floor.publisher).move()
    assert await notifications(outbox) == ["a"]
    assert (await rows_of(outbox).backlog()).rejected == 0


async def test_the_same_key_twice_is_one_notification(outbox: Core, floor: Floor) -> None:
    for _ in range(3):
        await put(outbox, idempotency_key="k-1")
    await relay(outbox, floor.publisher).move()
    assert len(await notifications(outbox)) == 1
    assert (await rows_of(outbox).backlog()).rejected == 0


async def test_what_is_not_committed_is_not_seen_and_holds_up_nobody(
    outbox: Core, schema: MysqlOptions, floor: Floor
) -> None:
    other = Database(schema)
    async with other.transaction() as cursor:
        await cursor.run("INSERT INTO notifier_outbox (channel, recipient) VALUES ('push', 'late')")
        await put(outbox, recipient="early")
        await relay(outbox, floor.publisher).move()
        assert await notifications(outbox) == ["early"]
    await other.close()
    await relay(outbox, floor.publisher).move()
    assert await notifications(outbox) == ["early", "late"]


async def test_one_that_the_database_refuses_takes_no_other_along(
    outbox: Core, floor: Floor
) -> None:
    """Stands for whatever the rules do not know: here the table is stricter than they are."""
    check = "ADD CONSTRAINT no_poison CHECK (recipient <> 'poison')"
    await outbox.database.run(f"ALTER TABLE notifier_notification {check}")
    try:
        for recipient in ("good-1", "poison", "good-2"):
            await put(outbox, recipient=recipient)
        await relay(outbox, floor.publisher).move()
    finally:
        await outbox.database.run("ALTER TABLE notifier_notification DROP CONSTRAINT no_poison")
    assert await notifications(outbox) == ["good-1", "good-2"]
    (rejected,) = await rows_of(outbox).rejected(most=100)
    assert rejected.recipient == "poison"
    assert "no_poison" in rejected.reason


async def test_with_the_broker_away_they_are_accepted_and_hastened(outbox: Core) -> None:
    await put(outbox)
    await relay(outbox, AwayPublisher()).move()
    assert await notifications(outbox, "state, next_sweep_at <= NOW(6)") == [("waiting", 1)]


async def test_any_number_of_relays_at_once_move_each_row_once(
    outbox: Core, schema: MysqlOptions, floor: Floor
) -> None:
    count = 10 * MOST + 7
    await outbox.database.run(
        "INSERT INTO notifier_outbox (channel, recipient) VALUES "
        + ",".join(f"('push', 'user-{number:05d}')" for number in range(count))
    )

    async def empty() -> None:
        database = Database(schema)
        mine = relay(Core(database), floor.publisher)
        while (await OutboxRows(database).backlog()).waiting:
            await mine.move()
        await database.close()

    await asyncio.gather(*(empty() for _ in range(4)))
    assert await notifications(outbox) == [f"user-{number:05d}" for number in range(count)]
    assert len(floor.publisher.published) == count


async def test_it_runs_until_it_is_cancelled_and_finishes_what_it_began(
    outbox: Core, floor: Floor
) -> None:
    running = asyncio.create_task(relay(outbox, floor.publisher).run())
    for number in range(3):
        await put(outbox, recipient=f"user-{number}")
        async with asyncio.timeout(10):
            while len(floor.publisher.published) <= number:
                await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert await notifications(outbox) == ["user-0", "user-1", "user-2"]
    assert all(delay <= SECOND for _, delay in floor.publisher.published)
