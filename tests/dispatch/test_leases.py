"""Leases: what a process may still do with one that is short, late or lost."""

from __future__ import annotations

import asyncio

from notifier.domain.message import Message
from notifier.domain.outcome import Retry, Sent, Unknown
from notifier.domain.submission import of_record
from tests.core import SEND_TIMEOUT, Core, Published, anybody
from tests.dispatch.floor import Floor, Process, until


async def expire(core: Core, message: Message) -> Message:
    """Let the lease run out, close the attempt as the calendar does, and be due again."""
    published = Published()
    await core.shift(message.notification_id, "lease_until", -1)
    await core.shift(message.notification_id, "next_sweep_at", -1)
    await core.schedule.expire_leases(published)
    await core.make_due(message.notification_id)
    return (await core.message(message.notification_id))[0]


async def test_a_send_does_not_start_when_the_lease_left_does_not_cover_it(
    core: Core, floor: Floor
) -> None:
    core.lease = SEND_TIMEOUT
    process = floor.process(core=core)
    message = await core.due()
    assert await process.deliver(message) == 1
    assert floor.wechat.sent == []
    row = await core.row(message.notification_id)
    assert (row["state"], row["seq"], row["step"], row["attempt"]) == ("waiting", 2, 0, 1)


async def test_time_spent_on_the_claim_itself_counts_against_the_lease(
    core: Core, floor: Floor
) -> None:
    core.lease = SEND_TIMEOUT * 1.25
    process = floor.process(core=core)
    message = await core.due()
    async with core.database.transaction() as cursor:
        await cursor.fetch("SELECT id FROM notifier_notification FOR UPDATE")
        task = asyncio.create_task(process.deliver(message))
        await asyncio.sleep(0.8)
    assert await task == 1
    assert floor.wechat.sent == []
    assert (await core.row(message.notification_id))["state"] == "waiting"


async def test_the_lateness_on_record_has_the_time_spent_on_the_claim(
    core: Core, process: Process
) -> None:
    message = await core.due()
    async with core.database.transaction() as cursor:
        await cursor.fetch("SELECT id FROM notifier_notification FOR UPDATE")
        task = asyncio.create_task(process.deliver(message))
        await asyncio.sleep(0.5)
    await task
    rows = await core.database.fetch(
        "SELECT lateness_us, started_at <= NOW(6) FROM notifier_attempt"
    )
    assert rows[0][0] > 450_000
    assert rows[0][1] == 1


async def test_a_success_that_comes_after_its_lease_was_lost_still_counts(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    floor.wechat.may_answer.clear()
    task = asyncio.create_task(process.deliver(message))
    await until(lambda: floor.wechat.sent)
    again = await expire(core, message)
    floor.wechat.may_answer.set()
    assert await task == 1
    assert (await core.row(message.notification_id))["state"] == "sent"
    assert await core.attempts(message.notification_id) == [(1, "sent", "ok")]
    assert await process.deliver(again) == 1
    assert len(floor.wechat.sent) == 1


async def test_two_successes_of_one_notification_are_sent_and_repeated(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    floor.wechat.may_answer.clear()
    first = asyncio.create_task(process.deliver(message))
    await until(lambda: len(floor.wechat.sent) == 1)
    again = await expire(core, message)
    second = asyncio.create_task(floor.process("test-2").deliver(again))
    await until(lambda: len(floor.wechat.sent) == 2)
    floor.wechat.may_answer.set()
    assert list(await asyncio.gather(first, second)) == [1, 1]
    assert (await core.row(message.notification_id))["state"] == "sent"
    outcomes = sorted(outcome for _, outcome, _ in await core.attempts(message.notification_id))
    assert outcomes == ["repeated", "sent"]


async def test_a_failure_that_comes_after_its_lease_was_lost_changes_nothing(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    floor.wechat.script.append(Retry(code="-1"))
    floor.wechat.may_answer.clear()
    task = asyncio.create_task(process.deliver(message))
    await until(lambda: floor.wechat.sent)
    await expire(core, message)
    floor.wechat.may_answer.set()
    assert await task == 1
    row = await core.row(message.notification_id)
    assert (row["state"], row["seq"], row["step"], row["attempt"]) == ("waiting", 2, 0, 2)
    assert floor.publisher.published == []


async def test_three_crashes_end_in_a_crash_loop(core: Core, floor: Floor) -> None:
    message = await core.due()
    first = message
    for number in range(3):
        await Core(core.database, owner=f"dead-{number}").claimed(message)
        message = await expire(core, message)
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"]) == ("unknown", "crash_loop")
    assert await floor.process().deliver(first, redelivered=True) == 1
    assert floor.wechat.sent == []


async def test_an_answer_between_crashes_begins_a_new_count(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due(anybody(ladder="quick"))
    for _ in range(2):
        await core.claimed(message)
        message = await expire(core, message)
    floor.wechat.script.append(Retry(code="-1"))
    await process.deliver(message)
    row = await core.row(message.notification_id)
    assert (row["state"], row["crashes"], row["step"], row["attempt"]) == ("waiting", 0, 1, 4)


async def test_a_channel_that_breaks_its_promise_and_raises_costs_one_crash(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due()
    floor.wechat.script.append(RuntimeError("a bug"))
    results = await asyncio.gather(process.deliver(message), return_exceptions=True)
    assert isinstance(results[0], RuntimeError)
    assert await process.deliver(message, redelivered=True) == 1
    again = await expire(core, message)
    assert await process.deliver(again) == 1
    assert (await core.row(message.notification_id))["state"] == "sent"
    assert await core.attempts(message.notification_id) == [
        (1, "unknown", "lease_lost"),
        (2, "sent", "ok"),
    ]


async def test_a_crash_after_the_dispatch_dispatches_no_second_time(
    core: Core, floor: Floor, process: Process
) -> None:
    record = await core.put_order()
    message = await core.due(of_record(record))
    await core.claimed(message)
    message = await expire(core, message)
    await process.deliver(message)
    assert (await core.row(message.notification_id))["state"] == "sent"
    assert len(await core.publishers()) == 1
    assert [item.attempt for item in floor.wechat.sent] == [2]


async def test_an_unknown_outcome_in_the_middle_keeps_its_first_moment(
    core: Core, floor: Floor, process: Process
) -> None:
    message = await core.due(anybody(ladder="quick"))
    floor.wechat.script += [Unknown(code="t"), Unknown(code="t"), Sent()]
    moments = []
    for _ in range(3):
        await core.make_due(message.notification_id)
        await process.deliver((await core.message(message.notification_id))[0])
        moments.append((await core.row(message.notification_id))["unknown_since"])
    assert moments[0] == moments[1] == moments[2]
    assert (await core.row(message.notification_id))["state"] == "sent"
