"""What older programs put into Redis: taken once, whoever takes it; what is bad stands aside."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from redis.asyncio import Redis

from notifier.dispatch.intake import Intake
from notifier.dispatch.legacy_intake import MOST, LegacyIntake
from notifier.dispatch.legacy_mending import Mending, Retried
from notifier.dispatch.tally import Tally
from notifier.domain.legacy_item import Item, ReminderRules, Way, order_of, reminder_of
from notifier.domain.notice import Offer
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput, SettingsError, StoreError, StoreUnavailable
from notifier.stack import Stack
from notifier.store.legacy_rows import KeptRows, LegacyRows
from notifier.store.legacy_source import BYTES_READ, LegacySource
from notifier.store.mysql import Database, MysqlOptions
from tests.core import LADDERS, Core
from tests.dispatch.floor import Floor

OFFER = Offer(ladders=tuple(LADDERS), templates={}, check_url=lambda url: None)
RULES = ReminderRules(
    channel="push",
    to="",
    member=re.compile("用户(?P<recipient>.+)[0-9]{10}"),
    after=timedelta(0),
    zone=ZoneInfo("Asia/Shanghai"),
)
JUDGES = {
    Way.ORDER: partial(order_of, claim_window=timedelta(minutes=5), order_book="orders"),
    Way.REMINDER: partial(reminder_of, rules=RULES, offer=OFFER),
}
NOBODY = "redis://127.0.0.1:1/0"


@dataclass(slots=True)
class Legacy:
    """The older programs' Redis, and who takes from it."""

    redis: Redis
    url: str
    core: Core
    floor: Floor
    name: str = field(default_factory=lambda: f"test:{uuid4().hex}")
    sources: list[LegacySource] = field(default_factory=list)

    def source(self, way: Way = Way.ORDER, url: str = "") -> LegacySource:
        key = f"{self.name}:{way}"
        source = LegacySource(url or self.url, way=way, key=key, taken=f"{key}:taken")
        self.sources.append(source)
        return source

    def intake(
        self,
        way: Way = Way.ORDER,
        *,
        core: Core | None = None,
        source: Any = None,
        tally: Tally | None = None,
    ) -> LegacyIntake:
        core = core or self.core
        return LegacyIntake(
            source or self.source(way),
            LegacyRows(core.database, core.acceptor),
            Intake(core.acceptor, self.floor.publisher),
            judge=JUDGES[way],
            faults=no_faults,
            poll_s=0.02,
            tally=tally or Tally(),
        )

    @property
    def kept(self) -> KeptRows:
        return KeptRows(self.core.database)

    @property
    def mending(self) -> Mending:
        return Mending(
            kept=self.kept,
            rows=LegacyRows(self.core.database, self.core.acceptor),
            intake=Intake(self.core.acceptor, self.floor.publisher),
            judges=JUDGES,
            faults=no_faults,
        )

    async def push(self, *records: str | bytes) -> None:
        """As the documents' producer does."""
        for record in records:
            await self.redis.lpush(f"{self.name}:order", record)

    async def add(self, **scores: float) -> None:
        await self.redis.zadd(f"{self.name}:reminder", {key: scores[key] for key in scores})

    async def left(self) -> int:
        """Entries that are anywhere in Redis."""
        return sum([await self.source(way).waiting() for way in Way])

    async def told(self, columns: str = "order_no") -> list[Any]:
        rows = await self.core.database.fetch(
            f"SELECT {columns} FROM notifier_notification ORDER BY order_no, due_at"
        )
        return [row[0] if len(row) == 1 else row for row in rows]

    async def reasons(self) -> list[str]:
        return [one.reason for one in await self.kept.find(None)]


async def no_faults(submissions: Sequence[Submission]) -> dict[int, InvalidInput]:
    return {}


def record(number: int, expiry: int = 1576140373) -> str:
    return f"1912{number:09d}##{number}##{expiry}##oDesigner_{number:08d}##李伟测试##13926"


def order_no(number: int) -> str:
    return f"1912{number:09d}"


@pytest.fixture
async def legacy(stack: Stack, core: Core, floor: Floor) -> AsyncIterator[Legacy]:
    url = stack.environment()["NOTIFIER_REDIS_URL"]
    async with Redis.from_url(url) as redis:
        legacy = Legacy(redis, url, core, floor)
        yield legacy
        for source in legacy.sources:
            await source.aclose()


async def test_a_record_becomes_the_designers_notification_and_leaves(legacy: Legacy) -> None:
    await legacy.push(record(1), record(2), record(3, expiry=1900000000))
    assert not await legacy.intake().move()
    columns = "order_no, role, channel, recipient, order_book, order_id, designer_id, state"
    assert await legacy.told(columns) == [
        (order_no(1), "designer", "wechat", "oDesigner_00000001", "orders", 1, 13926, "waiting"),
        (order_no(2), "designer", "wechat", "oDesigner_00000002", "orders", 2, 13926, "waiting"),
        (order_no(3), "designer", "wechat", "oDesigner_00000003", "orders", 3, 13926, "scheduled"),
    ]
    assert len(legacy.floor.publisher.published) == 2
    assert await legacy.left() == 0


async def test_the_oldest_is_taken_first_and_what_was_taken_before_is_first_of_all(
    legacy: Legacy,
) -> None:
    await legacy.push(*(record(number) for number in range(6)))
    for most in (2, 2, 3):
        items = await legacy.source().take(most)
        assert [item.body.decode() for item in items] == [record(n) for n in range(most)]


async def test_a_record_without_an_expiry_waits_for_the_claim_window(legacy: Legacy) -> None:
    await legacy.push(record(1).replace("1576140373", ""))
    await legacy.intake().move()
    column = "TIMESTAMPDIFF(SECOND, accepted_at, due_at)"
    assert await legacy.told(column) == [300]


async def test_one_that_is_not_due_holds_up_nobody_behind_it(legacy: Legacy) -> None:
    await legacy.push(record(1, expiry=1900000000), record(2))
    await legacy.intake().move()
    assert await legacy.told("order_no, state") == [
        (order_no(1), "scheduled"),
        (order_no(2), "waiting"),
    ]


async def test_the_same_record_again_is_known_and_leaves(legacy: Legacy) -> None:
    for _ in range(2):
        await legacy.push(record(1), record(1))
        await legacy.intake().move()
    assert await legacy.told() == [order_no(1)]
    assert await legacy.left() == 0


BAD: list[tuple[str | bytes, str]] = [
    ("garbage", "record: 'garbage' has 1 fields"),
    (record(2).encode("gbk"), "record: is not UTF-8"),
    (b"\xff\x00" + record(3).encode(), "record: is not UTF-8: byte 0xff at 0"),
    (record(4).replace("oDesigner", "o'; --"), "openid: "),
    (record(5) + "##more", "has 7 fields"),
    ("x" * 3_000_000, "record: 3000000 bytes are more than"),
    ("", "record: '' has 1 fields"),
]


async def test_bad_records_are_kept_aside_with_the_reason_and_block_nobody(
    legacy: Legacy,
) -> None:
    await legacy.push(record(1), *(text for text, _ in BAD), record(9))
    await legacy.intake().move()
    assert await legacy.told() == [order_no(1), order_no(9)]
    kept = await legacy.kept.find(None)
    assert len(kept) == len(BAD)
    for one, (text, says) in zip(kept, BAD, strict=True):
        body = text.encode() if isinstance(text, str) else text
        assert says in one.reason
        assert (one.item.body, one.item.size) == (body[:BYTES_READ], len(body))
    assert await legacy.left() == 0


async def test_a_bad_record_that_is_taken_again_is_kept_aside_once(legacy: Legacy) -> None:
    """Its process died after the commit; or the other program wrote it twice."""
    for _ in range(2):
        await legacy.push("garbage", "garbage")
        await legacy.intake().move()
    assert await legacy.kept.count() == 1


async def test_what_was_kept_aside_is_accepted_after_mending_or_dropped(legacy: Legacy) -> None:
    await legacy.push("garbage", record(1).replace("13926", "13,926"), "more garbage")
    await legacy.intake().move()
    one, two, three = await legacy.kept.find(None)
    assert (await legacy.mending.retry(two.id)).refused.keys() == {two.id}
    assert await legacy.mending.retry(two.id, record=record(1)) == Retried(accepted=1, refused={})
    assert await legacy.told() == [order_no(1)]
    assert await legacy.kept.drop(one.id) == 1
    assert [kept.id for kept in await legacy.kept.newest(10)] == [three.id]
    assert (await legacy.mending.retry(None)).refused.keys() == {three.id}
    assert await legacy.mending.retry(99_999_999) == Retried(accepted=0, refused={})


async def test_one_that_the_database_refuses_takes_no_other_along(legacy: Legacy) -> None:
    """Stands for whatever the rules do not know: here the table is stricter than they are."""
    check = "ADD CONSTRAINT no_poison CHECK (order_id <> 2)"
    await legacy.core.database.run(f"ALTER TABLE notifier_notification {check}")
    try:
        await legacy.push(record(1), record(2), record(3))
        await legacy.intake().move()
    finally:
        await legacy.core.database.run(
            "ALTER TABLE notifier_notification DROP CONSTRAINT no_poison"
        )
    assert await legacy.told() == [order_no(1), order_no(3)]
    (reason,) = await legacy.reasons()
    assert "no_poison" in reason
    assert await legacy.mending.retry(None) == Retried(accepted=1, refused={})


class Dying:
    """A source whose process dies at one of its steps."""

    def __init__(self, source: LegacySource) -> None:
        self.name = source.name
        self.take = source.take

    async def remove(self, items: Sequence[Item]) -> None:
        raise asyncio.CancelledError


async def test_what_a_dead_process_has_taken_is_finished_by_the_next(legacy: Legacy) -> None:
    await legacy.push(record(1), record(2), "garbage")
    assert len(await legacy.source().take(2)) == 2
    with pytest.raises(asyncio.CancelledError):
        await legacy.intake(source=Dying(legacy.source())).move()
    assert await legacy.left() == 3
    await legacy.intake().move()
    assert await legacy.told() == [order_no(1), order_no(2)]
    assert await legacy.kept.count() == 1
    assert len(legacy.floor.publisher.published) == 2
    assert await legacy.left() == 0


async def test_any_number_of_processes_at_once_take_each_record_once(
    legacy: Legacy, schema: MysqlOptions
) -> None:
    count = 5 * MOST + 7
    await legacy.push(*(record(number) for number in range(count)))

    async def empty() -> None:
        database = Database(schema)
        core = Core(database)
        running = asyncio.create_task(legacy.intake(core=core).run(stop))
        async with asyncio.timeout(60):
            while await legacy.left():
                await asyncio.sleep(0.01)
        stop.set()
        await running
        await database.close()

    stop = asyncio.Event()
    await asyncio.gather(*(empty() for _ in range(3)))
    assert Counter(await legacy.told()) == Counter(order_no(number) for number in range(count))
    published = Counter(one.notification_id for one, _ in legacy.floor.publisher.published)
    assert (len(published), set(published.values())) == (count, {1})


async def test_members_of_the_set_are_reminders_at_their_scores(legacy: Legacy) -> None:
    await legacy.add(用户user1900000000=1900000000.123456, 用户late1576140373=1576140373, bad=1.0)
    await legacy.intake(Way.REMINDER).move()
    columns = "recipient, channel, template, state, UNIX_TIMESTAMP(due_at) > 1900000000.12"
    assert sorted(await legacy.told(columns)) == [
        ("late", "push", "pickup_reminder", "waiting", 0),
        ("user", "push", "pickup_reminder", "scheduled", 1),
    ]
    (reason,) = await legacy.reasons()
    assert reason.startswith("member: 'bad'")
    assert await legacy.left() == 0


async def test_a_member_with_another_score_is_another_reminder_and_a_mended_one_keeps_its_score(
    legacy: Legacy,
) -> None:
    for score in (1900000000.5, 1900000000.5, 1900000001.5):
        await legacy.add(用户user1576140373=score)
        await legacy.intake(Way.REMINDER).move()
    assert await legacy.told("recipient") == ["user", "user"]
    await legacy.add(nobody=1900000002)
    await legacy.intake(Way.REMINDER).move()
    (kept,) = await legacy.kept.find(None)
    retried = await legacy.mending.retry(kept.id, record="用户nobody1576140373")
    assert retried.accepted == 1
    moments = await legacy.told("UNIX_TIMESTAMP(due_at)")
    assert [float(moment) for moment in moments] == [1900000000.5, 1900000001.5, 1900000002]


async def test_a_key_of_another_kind_is_left_as_it_is_and_named(legacy: Legacy) -> None:
    await legacy.redis.set(f"{legacy.name}:order", "something else")
    with pytest.raises(StoreError, match=rf"{legacy.name}:order.*WRONGTYPE"):
        await legacy.intake().move()
    assert await legacy.redis.get(f"{legacy.name}:order") == b"something else"


async def test_a_redis_that_is_away_is_waited_for_and_named(legacy: Legacy) -> None:
    with pytest.raises(SettingsError, match=r"\[intake\] url"):
        legacy.source(url="localhost")
    with pytest.raises(StoreUnavailable):
        await legacy.source(url=NOBODY).take(1)
    stop, tally = asyncio.Event(), Tally()
    nowhere = legacy.intake(source=legacy.source(url=NOBODY), tally=tally)
    running = asyncio.create_task(nowhere.run(stop))
    async with asyncio.timeout(30):
        while "Redis of [intake]" not in tally.report().last_error:
            await asyncio.sleep(0.01)
    stop.set()
    await running


async def test_a_database_that_is_away_leaves_everything_in_redis(legacy: Legacy) -> None:
    away = Core(Database(MysqlOptions(url="mysql://root@127.0.0.1:1/notifier")))
    await legacy.push(*(record(number) for number in range(MOST + 5)))
    stop = asyncio.Event()
    running = asyncio.create_task(legacy.intake(core=away).run(stop))
    async with asyncio.timeout(30):
        while await legacy.redis.llen(f"{legacy.name}:order:taken") < MOST:
            await asyncio.sleep(0.01)
    stop.set()
    await running
    assert await legacy.left() == MOST + 5
    assert await legacy.intake().move()
    assert await legacy.left() == 5
