"""Heartbeats in Redis."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta

import pytest

from notifier.errors import SettingsError, StoreUnavailable
from notifier.stack import Stack
from notifier.store.presence import RedisPresence

LONG = timedelta(minutes=1)


@pytest.fixture
def presence(stack: Stack, request: pytest.FixtureRequest) -> RedisPresence:
    url = stack.environment()["NOTIFIER_REDIS_URL"]
    return RedisPresence(url, prefix=f"{request.node.name}:")


async def test_who_beats_is_there_with_the_last_word(presence: RedisPresence) -> None:
    async with aclosing(presence):
        await presence.beat("a/default", b"first", lives=LONG)
        await presence.beat("a/default", b"second", lives=LONG)
        await presence.beat("b/default", b"other", lives=LONG)

        assert await presence.everybody() == {"a/default": b"second", "b/default": b"other"}


async def test_who_leaves_is_gone_at_once(presence: RedisPresence) -> None:
    async with aclosing(presence):
        await presence.beat("a/default", b"here", lives=LONG)
        await presence.leave("a/default")

        assert await presence.everybody() == {}


async def test_who_stops_beating_is_gone_by_itself(presence: RedisPresence) -> None:
    async with aclosing(presence):
        await presence.beat("b/default", b"here", lives=LONG)
        await presence.beat("a/default", b"here", lives=timedelta(milliseconds=1))
        while "a/default" in await presence.everybody():
            pass  # the test's own time limit ends it

        assert await presence.everybody() == {"b/default": b"here"}


async def test_a_redis_that_is_away_is_named_without_its_password() -> None:
    async with aclosing(RedisPresence("redis://:hunter2@127.0.0.1:1/0", prefix="x:")) as presence:
        with pytest.raises(StoreUnavailable, match=r"Redis at 127\.0\.0\.1:1") as refused:
            await presence.everybody()

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://:hunter2@h", "redis://:hunter2@h:port"])
def test_a_url_that_is_none_of_redis_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match=r"NOTIFIER_REDIS_URL") as refused:
        RedisPresence(url, prefix="x:")

    assert "hunter2" not in str(refused.value)
