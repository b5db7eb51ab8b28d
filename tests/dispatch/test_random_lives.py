"""Everything that can happen to a notification, in any order: the audit finds nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from notifier.domain.lease import Attempted, Claimed
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName
from notifier.domain.outcome import Outcome, Paused, Permanent, Retry, Sent, Unknown
from notifier.domain.submission import of_record
from notifier.store.audit import Auditor
from notifier.store.interventions import Interventions
from notifier.store.replays import Replays
from tests.core import LADDERS, PLACES, SECOND, Core, anybody
from tests.dispatch.floor import Floor

MILLISECOND = timedelta(milliseconds=1)
HAPPENINGS = 120


class Life:
    """Notifications of every kind, three processes, and what is left of those that hung."""

    def __init__(self, floor: Floor, seed: int) -> None:
        self.random = Random(seed)
        self.floor = floor
        self.core = floor.core
        self.processes = [floor.process(f"p{number}") for number in range(3)]
        self.hung: list[Claimed] = []
        self.orders: list[int] = []

    async def begin(self) -> None:
        records = [await self.core.put_order(publisher=who) for who in ("oP_1", "", "oP_3", "oP_4")]
        self.orders = [record.order_id for record in records]
        submissions = [of_record(record) for record in records]
        submissions += [anybody(), anybody(), anybody(channel=ChannelName.PUSH)]
        acceptance = await self.core.accept(
            *(replace(item, ladder="quick", delay=0 * SECOND) for item in submissions)
        )
        await self.publish(acceptance.publish)

    async def publish(self, messages: Sequence[tuple[Message, timedelta]]) -> None:
        await self.floor.publisher.publish_many(messages)

    async def happen(self) -> None:
        steps = [self.deliver] * 6 + [self.hang] * 2 + [self.answer_late] * 2
        steps += [self.expire, self.sweep, self.cancel, self.replay, self.change_order]
        await self.random.choice(steps)()
        await asyncio.sleep(0.004)

    def any_message(self) -> Message:
        return self.random.choice(self.floor.publisher.published[-25:])[0]

    async def any_id(self, states: str) -> UUID | None:
        rows = await self.core.database.fetch(
            f"SELECT id FROM notifier_notification WHERE state IN ({states}) ORDER BY id"
        )
        return UUID(bytes=self.random.choice(rows)[0]) if rows else None

    async def outcome(self) -> Outcome:
        now = (await self.core.database.fetch("SELECT NOW(6)"))[0][0]
        outcomes: list[Outcome] = [
            Sent(external_id="4711"),
            *[Retry(code="-1")] * 4,
            *[Unknown(code="timeout")] * 3,
            Permanent(code="43004"),
            Paused(code="45009", resume_at=now + 5 * MILLISECOND),
        ]
        return self.random.choice(outcomes)

    async def deliver(self) -> None:
        count = self.random.randint(1, 4)
        for channel in (self.floor.wechat, self.floor.push):
            channel.script.clear()
            channel.script += [await self.outcome() for _ in range(count)]
        acks = await asyncio.gather(
            *(
                self.random.choice(self.processes).deliver(
                    self.any_message(), redelivered=self.random.random() < 0.3
                )
                for _ in range(count)
            )
        )
        assert set(acks) == {1}

    async def hang(self) -> None:
        result = await self.core.claim(self.any_message())
        if isinstance(result, Claimed):
            await self.publish([(message, 0 * SECOND) for message in result.publish])
            self.hung.append(result)

    async def answer_late(self) -> None:
        if not self.hung:
            return
        claimed = self.random.choice(self.hung)
        outcome = claimed.refused or await self.outcome()
        began = claimed.now + MILLISECOND
        attempted = Attempted(claimed=claimed, outcome=outcome, began=began, ended=began)
        (recorded,) = await self.core.records.record([attempted])
        if recorded.next is not None:
            await self.publish([(recorded.next, 0 * SECOND)])
        self.hung.remove(claimed)

    async def expire(self) -> None:
        id_ = await self.any_id("'in_flight'")
        if id_ is not None:
            await self.core.shift(id_, "next_sweep_at", -0.001)
            await self.core.schedule.expire_leases(self.publish)

    async def sweep(self) -> None:
        id_ = await self.any_id("'waiting'")
        if id_ is not None:
            await self.core.shift(id_, "next_sweep_at", -0.001)
            await self.core.schedule.sweep(self.publish, self.random.choice([set(), {1}]))

    async def cancel(self) -> None:
        id_ = await self.any_id("'waiting', 'in_flight', 'sent'")
        if id_ is not None and self.random.random() < 0.3:
            await Interventions(self.core.database).cancel([id_], who="test")

    async def replay(self) -> None:
        id_ = await self.any_id("'dead', 'unknown', 'cancelled'")
        if id_ is not None:
            replays = Replays(self.core.database, places=PLACES, books=self.core.books)
            results = await replays.replay([id_], force=self.random.random() < 0.5)
            messages = [item.publish for item in results if item.publish is not None]
            await self.publish([(message, timedelta(0)) for message in messages])

    async def change_order(self) -> None:
        if self.random.random() < 0.2:
            status = self.random.choice([2, 3, 4, 5])
            await self.core.set_order(self.random.choice(self.orders), status=status)

    async def end(self) -> None:
        """Let every lease run out and tell everybody who still waits."""
        self.floor.wechat.script.clear()
        self.floor.push.script.clear()
        async with asyncio.timeout(30):
            while (id_ := await self.any_id("'waiting', 'in_flight', 'scheduled'")) is not None:
                await self.expire()
                message, wait = await self.core.message(id_)
                await asyncio.sleep(max(wait.total_seconds(), 0) + 0.002)
                await self.processes[0].deliver(message)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_the_audit_is_clean(core: Core, floor: Floor, seed: int) -> None:
    life = Life(floor, seed)
    await life.begin()
    auditor = Auditor(core.database, books=core.books, ladders=LADDERS)
    for number in range(HAPPENINGS):
        await life.happen()
        if number % 20 == 0:
            assert (await auditor.audit()).findings == []
    await life.end()
    assert (await auditor.audit()).findings == []
    assert floor.dead == []
    assert len(floor.wechat.sent) + len(floor.push.sent) == await _sends_on_record(core)


async def _sends_on_record(core: Core) -> int:
    """No process that lives loses its lease here: each send of one is an attempt on record."""
    rows = await core.database.fetch(
        "SELECT COUNT(*) FROM notifier_attempt WHERE worker IN ('p0', 'p1', 'p2') "
        "AND code NOT IN ('unprotected', 'unknown_order', 'expired')"
    )
    return int(rows[0][0])
