"""Several processes on the same queue: each is told exactly once, whatever goes away meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from notifier.dispatch.calendar import Calendar
from notifier.dispatch.run_log import BufferedRunLog
from notifier.dispatch.tally import Tally
from notifier.dispatch.tier_worker import TierParts, TierWorker
from notifier.domain.lease import Attempted
from notifier.domain.outcome import Retry, Unknown
from notifier.domain.submission import of_record
from notifier.errors import BrokerUnavailable, StoreUnavailable
from notifier.store.schedule import Schedule
from tests.core import RULE_BOOK, SECOND, Core, anybody
from tests.dispatch.floor import Floor, Process, until


async def consume(floor: Floor, process: Process, exits: AsyncExitStack) -> None:
    consumer = floor.broker.consumer("delay_queue1")
    exits.push_async_callback(consumer.close)
    await consumer.consume(process.attempts.handle, prefetch=50)


async def states(core: Core) -> Counter[str]:
    rows = await core.database.fetch("SELECT state, COUNT(*) FROM notifier_notification GROUP BY 1")
    return Counter({row[0]: row[1] for row in rows})


async def until_settled(core: Core, count: int, within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while (await states(core))["sent"] < count:
            await asyncio.sleep(0.05)


async def test_many_processes_tell_everybody_once(core: Core, floor: Floor) -> None:
    """Every message is there three times; a third of the sends are refused or lost at first."""
    records = [await core.put_order() for _ in range(60)]
    submissions = [
        replace(of_record(record), ladder="quick", delay=0 * SECOND) for record in records
    ]
    acceptance = await core.accept(*submissions)
    floor.wechat.script += [Retry(code="-1"), Unknown(code="timeout")] * 20
    async with AsyncExitStack() as exits:
        for number in range(4):
            await consume(floor, floor.process(f"p{number}"), exits)
        for message, delay in acceptance.publish * 3:
            await floor.publisher.publish(message, delay=delay)
        await until_settled(core, 120)
    assert await states(core) == Counter(sent=120)
    told = Counter(item.recipient for item in floor.wechat.sent)
    assert set(told) == {record.openid for record in records} | {"oPublisher_1"}
    rows = await core.database.fetch(
        "SELECT notification_id, SUM(outcome = 'sent'), COUNT(*), MAX(attempt) "
        "FROM notifier_attempt GROUP BY notification_id"
    )
    assert all(sent == 1 and count == last for _, sent, count, last in rows)
    assert sum(count for _, _, count, _ in rows) == len(floor.wechat.sent)


async def test_several_deliveries_of_one_message_to_several_processes_are_one_attempt(
    core: Core, floor: Floor
) -> None:
    messages = [await core.due() for _ in range(30)]
    processes = [floor.process(f"p{number}") for number in range(5)]
    acks = await asyncio.gather(
        *(process.deliver(message) for message in messages for process in processes)
    )
    assert set(acks) == {1}
    assert Counter(item.id for item in floor.wechat.sent) == Counter(
        {message.notification_id: 1 for message in messages}
    )


class Away:
    """A record store that is away for a while."""

    def __init__(self, core: Core, times: int) -> None:
        self._records = core.records
        self._times = times
        self.release = self._records.release

    async def record(self, attempts: Sequence[Attempted]) -> object:
        if self._times:
            self._times -= 1
            raise StoreUnavailable("MySQL is away")
        return await self._records.record(attempts)


async def test_while_the_database_is_away_deliveries_are_held_and_told_once(
    core: Core, floor: Floor, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away(core, times=2)
    monkeypatch.setattr(process.attempts._record, "_do", away.record)
    message = await core.due()
    assert await process.deliver(message) == 1
    assert (await core.row(message.notification_id))["state"] == "sent"
    assert len(floor.wechat.sent) == 1
    assert process.tally.report().last_error == "MySQL is away"


async def test_a_row_that_the_database_refuses_takes_no_other_along_and_is_left_to_the_sweeper(
    core: Core, floor: Floor, process: Process
) -> None:
    """The application's name column is shorter than the name."""
    good = [await core.due() for _ in range(5)]
    record = replace(await core.put_order(), designer_name="much too long")
    await core.database.run("ALTER TABLE tg_order_task MODIFY design_username VARCHAR(3) NULL")
    try:
        bad = await core.due(of_record(record))
        acks = await asyncio.gather(*(process.deliver(message) for message in [*good, bad]))
    finally:
        await core.database.run("ALTER TABLE tg_order_task MODIFY design_username VARCHAR(64) NULL")
    assert acks == [1] * 6
    assert "design_username" in process.tally.report().last_error
    row = await core.row(bad.notification_id)
    assert row["state"] == "waiting"
    assert row["next_sweep_at"] is not None
    assert await states(core) == Counter(sent=5, waiting=1)


async def test_an_order_that_the_application_holds_locked_stops_no_other(
    core: Core, floor: Floor, process: Process
) -> None:
    held, record = await core.due_order()
    others = [(await core.due_order())[0] for _ in range(5)]
    async with core.database.transaction() as cursor:
        await cursor.fetch(
            "SELECT status FROM tg_order_task WHERE order_id = %s FOR UPDATE", [record.order_id]
        )
        async with asyncio.timeout(20):
            acks = await asyncio.gather(*(process.deliver(item) for item in [held, *others]))
        assert acks == [1] * 6
        assert (await core.row(held.notification_id))["state"] == "waiting"
    for other in others:
        assert (await core.row(other.notification_id))["state"] == "sent"
    assert (held, SECOND) in floor.publisher.published
    await process.deliver(held)
    assert (await core.row(held.notification_id))["state"] == "sent"


def calendar_of(core: Core, floor: Floor, *, batch: int = 500) -> Calendar:
    async def busy() -> set[int]:
        return set()

    return Calendar(
        Schedule(core.database, rule_book=RULE_BOOK, batch=batch),
        publish=floor.publisher.publish_many,
        busy_tiers=busy,
        tick=SECOND / 20,
        lead=60 * SECOND,
        tally=Tally(),
    )


async def test_what_the_broker_lost_the_calendar_brings_back(core: Core, floor: Floor) -> None:
    ids = [(await core.due(anybody(ladder="quick"))).notification_id for _ in range(20)]
    ids += [(await core.accept(anybody(delay=3600 * SECOND))).accepted[0].id for _ in range(20)]
    for id_ in ids:
        await core.shift(id_, "next_sweep_at", -1)
        await core.shift(id_, "due_at", -0.5)
    draining = asyncio.Event()
    async with AsyncExitStack() as exits:
        await consume(floor, floor.process(), exits)
        calendar = asyncio.create_task(calendar_of(core, floor).run(draining))
        await until_settled(core, 40)
        draining.set()
        await calendar
    assert len(floor.wechat.sent) == 40


async def test_calendars_of_three_fleets_promote_each_of_300_rows_once(
    core: Core, floor: Floor
) -> None:
    await core.accept(*(anybody(delay=3600 * SECOND) for _ in range(300)))
    await core.database.run(
        "UPDATE notifier_notification SET next_sweep_at = NOW(6), due_at = NOW(6)"
    )
    draining = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(calendar_of(core, floor, batch=25).run(draining))
        await until(lambda: len(floor.publisher.published) >= 300)
        draining.set()
    promoted = Counter(message.notification_id for message, _ in floor.publisher.published)
    assert set(promoted.values()) == {1}
    assert await states(core) == Counter(waiting=300)


async def test_a_calendar_waits_for_a_broker_that_is_away(core: Core, floor: Floor) -> None:
    message = await core.due(anybody(ladder="quick"))
    await core.shift(message.notification_id, "next_sweep_at", -1)
    floor.broker.is_away = True
    draining = asyncio.Event()
    calendar = calendar_of(core, floor)
    with pytest.raises(BrokerUnavailable):
        await calendar.tick()
    running = asyncio.create_task(calendar.run(draining))
    await asyncio.sleep(0.1)
    floor.broker.is_away = False
    await until(lambda: floor.publisher.published)
    draining.set()
    await running


async def test_a_worker_drains_what_is_in_flight_and_leaves_the_rest_in_the_queue(
    core: Core, floor: Floor, process: Process
) -> None:
    messages = [await core.due() for _ in range(6)]
    consumer = floor.broker.consumer("delay_queue1")

    @asynccontextmanager
    async def open_parts() -> AsyncIterator[TierParts]:
        yield TierParts(
            tier=1,
            consumer=consumer,
            attempts=process.attempts,
            pauses=process.pauses,
            run_log=BufferedRunLog([]),
        )
        await consumer.close()

    worker = TierWorker(open_parts, tally=process.tally, concurrency=3)
    ready, draining = asyncio.Event(), asyncio.Event()
    floor.wechat.may_answer.clear()
    running = asyncio.create_task(worker.run(ready=ready.set, draining=draining))
    await ready.wait()
    for message in messages:
        await floor.publisher.publish(message, delay=0 * SECOND)
    await until(lambda: len(floor.wechat.sent) == 3)
    assert worker.report().in_flight == 3
    draining.set()
    await asyncio.sleep(0.05)
    assert not running.done()
    floor.wechat.may_answer.set()
    await running
    assert await states(core) == Counter(sent=3, waiting=3)
    assert floor.broker.ready("delay_queue1") == 3
