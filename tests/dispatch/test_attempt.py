"""An attempt from its delivery to its ack: every outcome, and every reason not to send."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier.domain.notification import ChannelName
from notifier.domain.outcome import Outcome, Paused, Permanent, Retry, Sent, Unknown
from notifier.domain.submission import of_record
from tests.core import PAUSE, SECOND, Core, anybody
from tests.dispatch.floor import Floor, Process, until


async def test_sent_is_recorded_and_acked_and_nothing_is_published(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    assert await process.deliver(message) == 1
    row = await core.row(message.notification_id)
    assert row["state"] == "sent"
    assert await core.attempts(message.notification_id) == [(1, "sent", "ok")]
    assert floor.publisher.published == []
    assert process.tally.report().sent == 1


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (Permanent(code="43004"), "dead", "43004"),
        (Retry(code="-1"), "waiting", ""),
        (Unknown(code="timeout"), "waiting", ""),
        (Paused(code="45009"), "waiting", ""),
        (Retry(code="-1", not_before=timedelta(hours=1)), "scheduled", ""),
        (Paused(code="45009", resume_at=datetime(2090, 1, 1, tzinfo=UTC)), "scheduled", ""),
    ],
)
async def test_every_other_outcome_ends_where_it_should_and_is_acked(
    core: Core, floor: Floor, process: Process, outcome: Outcome, state: str, reason: str
) -> None:
    message = await core.due()
    floor.wechat.script.append(outcome)
    assert await process.deliver(message) == 1
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"], row["lease_token"]) == (state, reason, None)
    assert len(floor.publisher.published) == (state == "waiting")
    if state == "waiting":
        ((published, delay),) = floor.publisher.published
        assert (published, timedelta(0) < delay) == (
            (await core.message(message.notification_id))[0],
            True,
        )


async def test_the_whole_ladder_is_climbed_to_its_end(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    tiers = []
    for _ in range(5):
        floor.wechat.script.append(Retry(code="-1", detail="system busy"))
        await core.make_due(message.notification_id)
        tiers.append(message.tier)
        await process.deliver((await core.message(message.notification_id))[0])
        if floor.publisher.published:
            message = floor.publisher.published[-1][0]
    assert tiers == [1, 3, 5, 15, 30]
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"], row["attempt"]) == ("dead", "exhausted:-1", 5)
    assert len(floor.wechat.sent) == 5
    assert await core.attempts(message.notification_id) == [(n, "retry", "-1") for n in range(1, 6)]


async def test_a_ladder_with_an_unknown_attempt_ends_unknown(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due(anybody(ladder="quick"))
    floor.wechat.script += [Unknown(code="timeout"), Retry(code="-1"), Retry(code="-1")]
    for _ in range(3):
        await core.make_due(message.notification_id)
        await process.deliver((await core.message(message.notification_id))[0])
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"]) == ("unknown", "exhausted:-1")


async def test_what_no_id_protects_is_never_sent_again_after_an_unknown_outcome(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due(anybody(channel=ChannelName.PUSH))
    floor.push.script.append(Unknown(code="timeout"))
    await process.deliver(message)
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"]) == ("unknown", "unprotected")
    assert floor.publisher.published == []


async def test_protection_that_ran_out_while_it_waited_forbids_the_send(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    await core.shift(message.notification_id, "unknown_since", -700)
    await process.deliver(message)
    assert floor.wechat.sent == []
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"]) == ("unknown", "unprotected")


async def test_within_the_protection_it_is_sent_again_with_the_same_id(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due(anybody(ladder="quick"))
    floor.wechat.script.append(Unknown(code="timeout"))
    for _ in range(2):
        await core.make_due(message.notification_id)
        await process.deliver((await core.message(message.notification_id))[0])
    assert [item.id for item in floor.wechat.sent] == [message.notification_id] * 2
    assert [item.attempt for item in floor.wechat.sent] == [1, 2]
    assert (await core.row(message.notification_id))["state"] == "sent"


async def test_the_order_is_dispatched_and_the_publisher_gets_his_own(
    core: Core, floor: Floor, process: Process
) -> None:
    message, record = await core.due_order()
    await process.deliver(message)
    assert (await core.order(record.order_id))["status"] == 1
    (publisher,) = await core.publishers()
    assert [item[0].notification_id for item in floor.publisher.published] == [publisher[0]]
    await core.make_due(publisher[0])
    await process.deliver((await core.message(publisher[0]))[0])
    assert [item.recipient for item in floor.wechat.sent] == [record.openid, "oPublisher_1"]
    assert floor.wechat.sent[0].dispatched_at == floor.wechat.sent[1].dispatched_at


async def test_the_publisher_is_told_although_the_designer_cannot_be(
    core: Core, floor: Floor, process: Process
) -> None:
    """Dispatch and notification are separate facts."""
    message, record = await core.due_order()
    floor.wechat.script.append(Permanent(code="43004"))
    await process.deliver(message)
    assert (await core.row(message.notification_id))["state"] == "dead"
    assert (await core.order(record.order_id))["status"] == 1
    assert [row[1] for row in await core.publishers()] == ["waiting"]


async def test_a_publisher_without_an_address_is_reported_and_the_designer_told(
    core: Core, floor: Floor, process: Process
) -> None:
    record = await core.put_order(publisher="")
    await process.deliver(await core.due(of_record(record)))
    assert [row[1:3] for row in await core.publishers()] == [("dead", "no_publisher_address")]
    assert len(floor.wechat.sent) == 1
    assert floor.publisher.published == []


async def test_a_retry_dispatches_no_second_time_and_makes_no_second_publisher(
    core: Core, floor: Floor, process: Process
) -> None:
    message, _ = await core.due_order()
    floor.wechat.script.append(Retry(code="-1"))
    await process.deliver(message)
    await core.make_due(message.notification_id)
    await process.deliver((await core.message(message.notification_id))[0])
    assert len(await core.publishers()) == 1
    assert (await core.row(message.notification_id))["state"] == "sent"
    assert floor.wechat.sent[0].dispatched_at == floor.wechat.sent[1].dispatched_at


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"status": 1, "design_userid": 777}, "taken_by_another"),
        ({"status": 3}, "order_finished"),
        ({"status": 4}, "order_cancelled"),
        ({"status": 5}, "order_rejected"),
    ],
)
async def test_an_order_that_is_not_free_is_left_alone_and_nobody_is_told(
    core: Core, floor: Floor, process: Process, columns: dict[str, Any], reason: str
) -> None:
    message, _ = await core.due_order(**columns)
    assert await process.deliver(message) == 1
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"]) == ("cancelled", reason)
    assert floor.wechat.sent == []
    assert process.tally.report().cancelled == 1


@pytest.mark.parametrize(
    ("columns", "reason"),
    [({"status": 4}, "order_cancelled"), ({"design_userid": 777}, "taken_by_another")],
)
async def test_an_order_that_is_lost_between_attempts_ends_the_telling(
    core: Core, floor: Floor, process: Process, columns: dict[str, Any], reason: str
) -> None:
    message, record = await core.due_order()
    floor.wechat.script.append(Retry(code="-1"))
    await process.deliver(message)
    await core.set_order(record.order_id, **columns)
    await core.make_due(message.notification_id)
    await process.deliver((await core.message(message.notification_id))[0])
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"]) == ("cancelled", reason)
    assert len(floor.wechat.sent) == 1


async def test_an_order_that_does_not_exist_climbs_the_ladder_unsent(
    core: Core, floor: Floor, process: Process
) -> None:
    message, record = await core.due_order()
    await core.database.run("DELETE FROM tg_order_task WHERE order_id = %s", [record.order_id])
    await process.deliver(message)
    assert await core.attempts(message.notification_id) == [(1, "retry", "unknown_order")]
    assert (await core.row(message.notification_id))["step"] == 1
    assert floor.wechat.sent == []


async def test_a_deadline_that_has_passed_ends_it_unsent(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    await core.shift(message.notification_id, "deadline_at", -1)
    await process.deliver(message)
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"]) == ("dead", "expired")
    assert floor.wechat.sent == []


async def test_a_wish_to_cancel_that_comes_in_flight_is_kept_unless_it_was_told(
    core: Core, floor: Floor, process: Process
) -> None:
    for outcome, state in ((Retry(code="-1"), "cancelled"), (Sent(), "sent")):
        message = await core.due()
        floor.wechat.script.append(outcome)
        floor.wechat.may_answer.clear()
        told = len(floor.wechat.sent)
        task = asyncio.create_task(process.deliver(message))
        await until(lambda told=told: len(floor.wechat.sent) > told)  # type: ignore[misc]
        await core.set(message.notification_id, cancel_requested="by_hand")
        floor.wechat.may_answer.set()
        assert await task == 1
        assert (await core.row(message.notification_id))["state"] == state
    assert floor.publisher.published == []


async def test_a_paused_channel_gives_claims_back_without_burning_the_ladder(
    core: Core, floor: Floor, process: Process
) -> None:
    first, second = await core.due(), await core.due()
    floor.wechat.script.append(Paused(code="45009"))
    await process.deliver(first)
    await process.deliver(second)
    assert len(floor.wechat.sent) == 1
    row = await core.row(second.notification_id)
    assert (row["state"], row["seq"], row["step"], row["attempt"]) == ("waiting", 2, 0, 1)
    assert await core.attempts(second.notification_id) == []
    assert row["due_at"] - row["now"] > PAUSE - 2 * SECOND
    assert process.tally.report().released == 1


async def test_a_pause_is_known_to_the_other_processes(
    core: Core, floor: Floor, process: Process
) -> None:
    floor.wechat.script.append(Paused(code="45009"))
    await process.deliver(await core.due())
    other = floor.process("test-2")
    await other.pauses.refresh()
    message = await core.due()
    await other.deliver(message)
    assert len(floor.wechat.sent) == 1
    assert (await core.row(message.notification_id))["state"] == "waiting"


async def test_a_rest_without_an_end_does_not_spin(
    core: Core, floor: Floor, process: Process
) -> None:
    await process.pauses._store.pause("channel:wechat", until=None, reason="x", who="someone")
    await process.pauses.refresh()
    message = await core.due()
    await process.deliver(message)
    row = await core.row(message.notification_id)
    assert row["due_at"] - row["now"] > PAUSE - 2 * SECOND
    assert floor.wechat.sent == []


async def test_a_pause_that_is_over_is_no_pause(core: Core, floor: Floor, process: Process) -> None:
    now = (await core.database.fetch("SELECT NOW(6)"))[0][0]
    await process.pauses.pause("channel:wechat", until=now - SECOND, reason="x")
    await process.deliver(await core.due())
    assert len(floor.wechat.sent) == 1


async def test_a_channel_that_is_not_configured_waits_until_it_is(
    core: Core, floor: Floor, process: Process
) -> None:
    del floor.channels["webhook"]
    message = await core.due(anybody(channel=ChannelName.WEBHOOK))
    await process.deliver(message)
    row = await core.row(message.notification_id)
    assert (row["state"], row["step"]) == ("waiting", 0)
    assert await core.attempts(message.notification_id) == [
        (1, "released", "channel_not_configured")
    ]
