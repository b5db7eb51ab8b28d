"""What every token store must do, on all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from notifier.channels.wechat import TokenStore
from notifier.errors import SettingsError, StoreUnavailable
from notifier.stack import Stack
from notifier.store.tokens import MemoryTokenStore, RedisTokenStore

HOUR = timedelta(hours=1)
MOMENT = timedelta(milliseconds=50)


def redis_store(stack: Stack) -> RedisTokenStore:
    url = stack.environment()["NOTIFIER_REDIS_URL"]
    return RedisTokenStore(url, prefix=f"test-{uuid4().hex}:")


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[TokenStore]:
    made: TokenStore = (
        MemoryTokenStore()
        if request.param == "memory"
        else redis_store(request.getfixturevalue("stack"))
    )
    yield made
    await made.close()


async def becomes(expected: object, ask: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(30):
        while await ask() != expected:
            await asyncio.sleep(0.01)


async def test_what_was_saved_is_loaded_with_what_is_left_of_its_lifetime(
    store: TokenStore,
) -> None:
    await store.save("wx1", "令牌".encode(), lifetime=HOUR)

    loaded = await store.load("wx1")

    assert loaded is not None
    assert loaded[0] == "令牌".encode()
    assert HOUR - timedelta(seconds=5) < loaded[1] <= HOUR


async def test_nothing_is_loaded_for_another_account(store: TokenStore) -> None:
    await store.save("wx1", b"t", lifetime=HOUR)

    assert await store.load("wx2") is None


async def test_a_later_value_replaces_the_earlier_and_its_lifetime(store: TokenStore) -> None:
    await store.save("wx1", b"long", lifetime=HOUR)
    await store.save("wx1", b"short", lifetime=timedelta(minutes=1))

    loaded = await store.load("wx1")

    assert loaded is not None
    assert loaded[0] == b"short"
    assert loaded[1] <= timedelta(minutes=1)


async def test_a_value_is_gone_when_its_lifetime_is_over(store: TokenStore) -> None:
    await store.save("wx1", b"t", lifetime=MOMENT)

    await becomes(None, lambda: store.load("wx1"))


async def test_one_of_many_gets_the_lock(store: TokenStore) -> None:
    keys = await asyncio.gather(*(store.lock("wx1", lifetime=HOUR) for _ in range(20)))

    assert len([key for key in keys if key]) == 1
    assert await store.lock("wx2", lifetime=HOUR)


async def test_a_lock_given_back_can_be_taken(store: TokenStore) -> None:
    first = await store.lock("wx1", lifetime=HOUR)
    assert first is not None

    await store.unlock("wx1", first)

    second = await store.lock("wx1", lifetime=HOUR)
    assert second not in (None, first)


async def test_a_lock_ends_by_itself_and_a_late_holder_cannot_end_the_next(
    store: TokenStore,
) -> None:
    late = await store.lock("wx1", lifetime=MOMENT)
    assert late is not None

    async def is_taken() -> bool:
        return await store.lock("wx1", lifetime=HOUR) is not None

    await becomes(True, is_taken)
    await store.unlock("wx1", late)

    assert await store.lock("wx1", lifetime=HOUR) is None


async def test_forced_refreshes_keep_their_distance(store: TokenStore) -> None:
    async def ask(gap: timedelta) -> str:
        return await store.permit_force("wx1", gap=gap, per_day=100)

    assert await ask(MOMENT) == "granted"
    assert await ask(HOUR) == "too_soon"
    await becomes("granted", lambda: ask(MOMENT))


async def test_forced_refreshes_have_a_number_for_the_day(store: TokenStore) -> None:
    gap = timedelta(milliseconds=1)
    granted = 0
    async with asyncio.timeout(30):
        while (answer := await store.permit_force("wx1", gap=gap, per_day=5)) != "exhausted":
            granted += answer == "granted"

    assert granted == 5
    assert await store.permit_force("wx2", gap=gap, per_day=5) == "granted"


async def test_many_at_once_are_granted_one_forced_refresh(store: TokenStore) -> None:
    asked = (store.permit_force("wx1", gap=HOUR, per_day=5) for _ in range(20))

    assert sorted(await asyncio.gather(*asked)) == ["granted"] + ["too_soon"] * 19


async def every_call(store: RedisTokenStore) -> None:
    calls: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: store.load("wx1"),
        lambda: store.save("wx1", b"t", lifetime=HOUR),
        lambda: store.lock("wx1", lifetime=HOUR),
        lambda: store.unlock("wx1", "key"),
        lambda: store.permit_force("wx1", gap=HOUR, per_day=5),
    )
    for call in calls:
        with pytest.raises(StoreUnavailable) as caught:
            await call()
        assert "planted" not in str(caught.value)


async def test_redis_that_is_not_there_is_unavailable() -> None:
    store = RedisTokenStore("redis://:planted@127.0.0.1:1/0", prefix="test:")

    await every_call(store)
    await store.close()


async def test_redis_that_never_answers_is_unavailable_in_time() -> None:
    finished = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await finished.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        store = RedisTokenStore(
            f"redis://127.0.0.1:{port}/0", prefix="test:", timeout=timedelta(milliseconds=200)
        )
        began = time.monotonic()
        await every_call(store)
        took_s = time.monotonic() - began
        await store.close()
        finished.set()

    assert took_s < 5 * 0.2 + 1


async def test_redis_with_another_password_is_unavailable(stack: Stack) -> None:
    url = stack.environment()["NOTIFIER_REDIS_URL"]
    host = url.rpartition("@")[2]
    store = RedisTokenStore(f"redis://:planted@{host}", prefix="test:")

    await every_call(store)
    await store.close()


async def test_redis_that_comes_back_is_used_again(stack: Stack) -> None:
    store = redis_store(stack)
    await store.save("wx1", b"t", lifetime=HOUR)
    stack.redis.stop()
    try:
        await every_call(store)
    finally:
        stack.redis.start()

    await store.save("wx1", b"u", lifetime=HOUR)
    loaded = await store.load("wx1")
    await store.close()

    assert loaded is not None
    assert loaded[0] == b"u"


async def test_a_value_without_an_end_is_not_used(stack: Stack) -> None:
    """It is not ours, and nobody would ever renew it."""
    url = stack.environment()["NOTIFIER_REDIS_URL"]
    async with Redis.from_url(url) as redis:
        await redis.set("test-endless:wechat:wx1:token", b"t")
    store = RedisTokenStore(url, prefix="test-endless:")

    assert await store.load("wx1") is None
    await store.close()


def test_an_address_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(SettingsError) as caught:
        RedisTokenStore("http://:planted@localhost", prefix="test:")

    assert "planted" not in str(caught.value)
