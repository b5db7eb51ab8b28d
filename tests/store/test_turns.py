"""Turns at an endpoint that takes only so many a second, on real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from notifier.domain.notification import new_id
from notifier.errors import SettingsError, StoreUnavailable
from notifier.stack import Stack
from notifier.store.turns import RedisTurns


@pytest.fixture
async def turns(stack: Stack) -> AsyncIterator[RedisTurns]:
    url = stack.environment()["NOTIFIER_REDIS_URL"]
    turns = RedisTurns(url, prefix=f"test:{uuid4().hex}:")
    yield turns
    await turns.close()


async def take(turns: RedisTurns, rate_per_s: float = 1, endpoint: str = "shop") -> timedelta:
    return await turns.take(endpoint, rate_per_s=rate_per_s, id_=new_id())


async def test_the_first_goes_at_once_and_the_others_one_distance_apart(turns: RedisTurns) -> None:
    waits = [(await take(turns)).total_seconds() for _ in range(4)]

    assert waits[0] == 0
    for place, wait in enumerate(waits):
        assert place - 0.5 < wait <= place


async def test_two_endpoints_do_not_share_turns(turns: RedisTurns) -> None:
    assert not await take(turns)
    assert not await take(turns, endpoint="other")
    assert await take(turns)


async def test_who_comes_back_finds_his_turn_and_takes_no_second_one(turns: RedisTurns) -> None:
    await take(turns, 5)
    id_ = new_id()
    first = await turns.take("shop", rate_per_s=5, id_=id_)
    early = await turns.take("shop", rate_per_s=5, id_=id_)
    assert timedelta(0) < early <= first

    await asyncio.sleep(first.total_seconds())

    assert not await turns.take("shop", rate_per_s=5, id_=id_)
    assert await take(turns, 5) <= timedelta(seconds=0.2), "the very next one is free"


async def test_who_comes_late_makes_no_crowd(turns: RedisTurns) -> None:
    late = [new_id() for _ in range(4)]
    for id_ in late:
        await turns.take("shop", rate_per_s=3, id_=id_)
    await asyncio.sleep(1.1)

    again = [await turns.take("shop", rate_per_s=3, id_=id_) for id_ in late[1:]]

    assert again == [timedelta(0)] * 3
    assert await take(turns, 3) > timedelta(seconds=0.5), "a second from the three, and not a third"


async def test_a_pause_does_not_save_up_turns(turns: RedisTurns) -> None:
    await take(turns, 20)
    await asyncio.sleep(0.3)

    waits = [await take(turns, 20) for _ in range(3)]
    assert not waits[0]
    assert all(waits[1:])


async def test_without_redis_it_says_so(stack: Stack) -> None:
    turns = RedisTurns("redis://:planted@127.0.0.1:1/0", prefix="test:")
    with pytest.raises(StoreUnavailable) as caught:
        await take(turns)
    await turns.close()
    assert "planted" not in str(caught.value)
    with pytest.raises(SettingsError):
        RedisTurns("planted", prefix="test:")
