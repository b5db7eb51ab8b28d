"""The board of what is due next: MySQL's truth, kept in Redis while somebody looks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from notifier.dispatch.board import MOST, BoardView
from notifier.domain.board import Board
from notifier.errors import StoreUnavailable
from notifier.stack import Stack
from notifier.store.board import NextDue, RedisBoard
from notifier.store.mysql import Database, MysqlOptions
from tests.core import SECOND, Core, anybody

NOWHERE = "redis://127.0.0.1:1/0"
PREFIX = f"test:{uuid4().hex}:"


class Counting(NextDue):
    """Counts how often MySQL is asked, or is away."""

    count = 0
    error: StoreUnavailable | None = None

    async def read(self, most: int) -> Board:
        self.count += 1
        if self.error is not None:
            raise self.error
        return await super().read(most)


@pytest.fixture
def next_due(core: Core) -> Counting:
    return Counting(core.database)


@pytest.fixture
async def kept(stack: Stack) -> AsyncIterator[RedisBoard]:
    kept = RedisBoard(stack.environment()["NOTIFIER_REDIS_URL"], prefix=PREFIX)
    await kept.drop()
    yield kept
    await kept.close()


@pytest.fixture
async def redis(stack: Stack) -> AsyncIterator[Redis]:
    redis = Redis.from_url(stack.environment()["NOTIFIER_REDIS_URL"])
    yield redis
    await redis.aclose()


@pytest.fixture
def view(kept: RedisBoard, next_due: Counting) -> BoardView:
    return BoardView(kept, next_due)


async def put(core: Core, *delays_s: float) -> list[UUID]:
    """Due after so long; in one call, so that equal delays are equal moments."""
    accepted = await core.accept(*[anybody(delay=delay_s * SECOND) for delay_s in delays_s])
    return [one.id for one in accepted.accepted]


async def shown(view: BoardView, most: int = MOST) -> list[UUID]:
    return [one.id for one in (await view.look(most)).board.upcoming]


async def wait_until_shown(view: BoardView, expected: list[UUID]) -> None:
    async with asyncio.timeout(30):
        while await shown(view) != expected:
            await asyncio.sleep(0.05)


async def test_what_is_due_is_shown_in_the_order_of_the_moments_and_not_of_the_orders(
    core: Core, view: BoardView
) -> None:
    hour, minute, day, quarter = await put(core, 3600, 60, 86400, 900)
    assert await shown(view) == [minute, quarter, hour, day]


async def test_two_of_the_same_moment_are_two(core: Core, view: BoardView) -> None:
    ids = await put(core, 60, 60, 60)
    assert await shown(view) == sorted(ids)


async def test_only_what_is_still_to_be_told_is_shown_and_an_attempt_under_way_is(
    core: Core, view: BoardView
) -> None:
    flying = await core.claimed(await core.due())
    waiting, *ended = await put(core, 30, 1, 2, 3, 4)
    for id_, state in zip(ended, ("sent", "dead", "cancelled", "unknown"), strict=True):
        await core.set(id_, state=state, next_sweep_at=None)
    board = (await view.look(MOST)).board
    assert [(one.id, one.state) for one in board.upcoming] == [
        (flying.notification.id, "in_flight"),
        (waiting, "waiting"),
    ]


async def test_nobody_can_be_written_to_from_what_redis_keeps(
    core: Core, view: BoardView, redis: Redis
) -> None:
    await core.accept(anybody(recipient="oLvqQwo25p5myELvO5VXj0k-7ngk", payload={"pin": "7331"}))
    before = (await view.look(MOST)).board.upcoming
    entries: Any = await redis.hvals(f"{PREFIX}due:entries")
    (entry,) = entries
    assert b"7331" not in entry
    assert b"QwoQ" not in entry
    assert [one.recipient for one in before] == ["oLvq…7ngk"]
    assert (await view.look(MOST)).board.upcoming == before


async def test_redis_has_the_ids_by_their_moments_and_lets_them_go_by_itself(
    core: Core, view: BoardView, redis: Redis
) -> None:
    ids = await put(core, 3600, 60)
    await view.look(1)
    kept: Any = await redis.zrange(f"{PREFIX}due", 0, -1, withscores=True)
    assert [UUID(member.decode()) for member, _ in kept] == [ids[1], ids[0]]
    due_at = (await core.row(ids[1]))["due_at"]
    assert kept[0][1] == pytest.approx(due_at.timestamp() * 1000, abs=0.01)
    keys = [key async for key in redis.scan_iter(f"{PREFIX}*")]
    assert len(keys) == 4
    assert all([0 < await redis.pttl(key) <= 10_000 for key in keys])


async def test_a_flushed_redis_is_filled_again(core: Core, view: BoardView, redis: Redis) -> None:
    ids = await put(core, 60, 120)
    assert await shown(view) == ids
    for key in [key async for key in redis.scan_iter(f"{PREFIX}*")]:
        await redis.delete(key)
    assert await shown(view) == ids
    assert await redis.zcard(f"{PREFIX}due") == 2


async def test_what_is_cancelled_vanishes_and_what_is_put_off_moves(
    core: Core, view: BoardView
) -> None:
    one, two, three = await put(core, 100, 200, 300)
    assert await shown(view) == [one, two, three]
    await core.set(two, state="cancelled", next_sweep_at=None)
    await core.shift(one, "due_at", 400)
    await wait_until_shown(view, [three, one])


async def test_however_many_look_mysql_is_asked_once_a_second(
    core: Core, view: BoardView, next_due: Counting
) -> None:
    await put(core, 60)
    await view.look(MOST)
    began_s = time.monotonic()
    for _ in range(20):
        await asyncio.gather(*[view.look(MOST) for _ in range(5)])
    assert next_due.count <= 2 + (time.monotonic() - began_s)


async def test_of_five_thousand_the_first_thousand_are_kept(core: Core, view: BoardView) -> None:
    """Those that were overdue, in the calendar and on their way, mixed."""
    delays = [float(n * 7 % 5000) for n in range(5000)]
    for start in range(0, 5000, 1000):
        await core.accept(
            *[anybody(delay=delay_s * SECOND) for delay_s in delays[start : start + 1000]]
        )
    first = await core.database.fetch(
        "SELECT id FROM notifier_notification ORDER BY due_at, id LIMIT 1000"
    )
    seen = (await view.look(30)).board
    assert (len(seen.upcoming), seen.count, seen.more) == (30, 1000, True)
    assert await shown(view) == [UUID(bytes=row[0]) for row in first]


async def test_without_redis_mysql_is_read_and_it_is_said(core: Core, next_due: Counting) -> None:
    ids = await put(core, 60, 120)
    nowhere = RedisBoard(NOWHERE, prefix=PREFIX)
    seen = await BoardView(nowhere, next_due).look(1)
    await nowhere.close()
    assert [one.id for one in seen.board.upcoming] == ids[:1]
    assert (seen.board.count, seen.board.more) == (2, False)
    assert "Redis does not answer" in seen.trouble
    assert seen.trouble.endswith("read from MySQL instead")


async def test_without_mysql_the_board_of_a_moment_ago_is_shown(
    core: Core, view: BoardView, next_due: Counting, redis: Redis
) -> None:
    ids = await put(core, 60)
    assert await shown(view) == ids
    next_due.error = StoreUnavailable("MySQL does not answer")
    await redis.delete(f"{PREFIX}due:turn")
    seen = await view.look(MOST)
    assert [one.id for one in seen.board.upcoming] == ids
    assert seen.trouble.startswith("MySQL does not answer")


async def test_without_both_it_is_an_error(schema: MysqlOptions) -> None:
    database = Database(replace(schema, url="mysql://root@127.0.0.1:1/nowhere"))
    nowhere = RedisBoard(NOWHERE, prefix=PREFIX)
    with pytest.raises(StoreUnavailable):
        await BoardView(nowhere, NextDue(database)).look(1)
    await nowhere.close()
    await database.close()


async def test_in_how_long_goes_by_the_database_s_clock(core: Core, view: BoardView) -> None:
    (id_,) = await put(core, 60)
    board = (await view.look(MOST)).board
    again = (await view.look(MOST)).board
    row = await core.row(id_)
    assert board.now <= again.now
    assert abs(row["now"] - again.now) < 10 * SECOND
