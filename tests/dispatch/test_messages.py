"""What comes from the queue: duplicates, old ones, early ones, and what nobody can read."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import orjson
import pytest

from notifier.broker.codec import encode
from notifier.domain.notification import new_id
from notifier.domain.outcome import Retry
from notifier.errors import BrokerUnavailable
from tests.core import SECOND, Core
from tests.dispatch.floor import Floor, Process, until


async def test_a_duplicate_is_acked_and_forgotten(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    acks = await asyncio.gather(*(process.deliver(message, redelivered=bool(n)) for n in range(5)))
    assert acks == [1] * 5
    assert len(floor.wechat.sent) == 1
    assert await process.deliver(message) == 1
    assert len(floor.wechat.sent) == 1


async def test_an_old_message_is_acked_and_forgotten(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    await core.set(message.notification_id, seq=5)
    assert await process.deliver(message) == 1
    assert floor.wechat.sent == []
    assert floor.publisher.published == []


@pytest.mark.parametrize("seq", [2, 10**9])
async def test_a_message_from_the_future_is_acked_and_forgotten(
    core: Core, floor: Floor, process: Process, seq: int
) -> None:
    message = await core.due()
    assert await process.deliver(replace(message, seq=seq), redelivered=True) == 1
    assert (await core.row(message.notification_id))["state"] == "waiting"
    assert floor.publisher.published == []


async def test_what_comes_too_early_is_published_again_for_the_remainder(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    await core.shift(message.notification_id, "due_at", 5)
    assert await process.deliver(message) == 1
    ((published, delay),) = floor.publisher.published
    assert published == message
    assert 4 * SECOND < delay <= 5 * SECOND
    assert floor.wechat.sent == []


async def test_a_redelivered_message_publishes_the_later_schedule_before_its_ack(
    core: Core, floor: Floor, process: Process
) -> None:
    """The gap between record and publish: the process died there."""
    message = await core.due()
    claimed = await core.claimed(message)
    recorded = await core.record(claimed, Retry(code="-1"))
    assert await process.deliver(message, redelivered=True) == 1
    ((published, delay),) = floor.publisher.published
    assert published == recorded.next
    assert 2 * SECOND < delay <= 3.5 * SECOND


async def test_while_the_broker_is_away_nothing_is_acked_and_nothing_lost(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    floor.wechat.script.append(Retry(code="-1"))
    floor.broker.is_away = True
    with pytest.raises(BrokerUnavailable):
        await process.deliver(message)
    assert (await core.row(message.notification_id))["seq"] == 2
    with pytest.raises(BrokerUnavailable):
        await process.deliver(message, redelivered=True)
    floor.broker.is_away = False
    assert await process.deliver(message, redelivered=True) == 1
    assert floor.publisher.published[0][0].seq == 2


async def test_a_publishers_message_that_the_broker_refuses_stops_nothing(
    core: Core, floor: Floor, process: Process
) -> None:
    message, _ = await core.due_order()
    floor.broker.is_away = True
    assert await process.deliver(message) == 1
    assert (await core.row(message.notification_id))["state"] == "sent"
    (publisher,) = await core.publishers()
    row = await core.row(publisher[0])
    assert row["state"] == "waiting"
    assert row["next_sweep_at"] == row["due_at"] + 20 * SECOND


async def test_what_has_no_row_goes_to_the_dead_queue_with_its_bytes(
    core: Core, floor: Floor, process: Process
) -> None:
    message = replace(await core.due(), notification_id=new_id())
    assert await process.deliver(message, headers={"x-of-theirs": "kept"}) == 1
    assert floor.dead == [(encode(message), "no_row")]
    assert floor.broker.dead[0].headers["x-of-theirs"] == "kept"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b'{"v": 0}',
        b'{"v": "1"}',
        b'{"v": true}',
        b'{"v": 1, "notification_id": "x"}',
        b"{" * 100_000,
        "1912136916313##150481##1795262400##oLvqQwo25p5##李伟##13926".encode(),
    ],
)
async def test_what_nobody_can_read_goes_to_the_dead_queue_with_its_bytes(
    floor: Floor, process: Process, body: bytes
) -> None:
    assert await process.deliver(body) == 1
    ((kept, reason),) = floor.dead
    assert kept == body
    assert reason


async def test_the_dead_queue_must_have_it_before_the_ack(floor: Floor, process: Process) -> None:
    floor.broker.is_away = True
    with pytest.raises(BrokerUnavailable):
        await process.deliver(b"not json")


async def test_a_newer_version_is_delayed_and_tried_again_not_dead(
    core: Core, floor: Floor, process: Process
) -> None:
    fields = orjson.loads(encode(await core.due())) | {"v": 2, "more": [1]}
    body = orjson.dumps(fields)
    assert await process.deliver(body) == 1
    assert floor.publisher.postponed == [(body, 1, 30 * SECOND)]
    assert floor.dead == []


async def test_an_unknown_field_of_this_version_is_ignored(
    core: Core, floor: Floor, process: Process
) -> None:
    fields = orjson.loads(encode(await core.due())) | {"more": [1]}
    assert await process.deliver(orjson.dumps(fields)) == 1
    assert len(floor.wechat.sent) == 1


async def test_while_draining_nothing_new_is_begun_and_nothing_acked(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    process.attempts.drain()
    assert await process.deliver(message) == 0
    assert (await core.row(message.notification_id))["state"] == "waiting"
    assert floor.wechat.sent == []


async def test_a_drain_lets_what_is_being_sent_finish(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    floor.wechat.may_answer.clear()
    task = asyncio.create_task(process.deliver(message))
    await until(lambda: floor.wechat.sent)
    process.attempts.drain()
    floor.wechat.may_answer.set()
    assert await task == 1
    assert (await core.row(message.notification_id))["state"] == "sent"


async def test_a_drain_gives_back_what_was_claimed_and_not_begun(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    blocker = core.database.transaction()
    cursor = await blocker.__aenter__()
    await cursor.fetch("SELECT id FROM notifier_notification FOR UPDATE")
    task = asyncio.create_task(process.deliver(message))
    await asyncio.sleep(0.1)
    process.attempts.drain()
    await blocker.__aexit__(None, None, None)
    assert await task == 1
    row = await core.row(message.notification_id)
    assert (row["state"], row["seq"], row["step"], row["attempt"]) == ("waiting", 2, 0, 1)
    ((published, _),) = floor.publisher.published
    assert published.seq == 2
    assert floor.wechat.sent == []
