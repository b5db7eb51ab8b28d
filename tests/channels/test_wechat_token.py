"""The access token: kept, shared, replaced when it is refused, forced rarely."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from notifier.channels.wechat import TokenKeeper, TokenStore, WechatChannel
from notifier.channels.wechat.stable_token import TokenRefused
from notifier.domain.outcome import Outcome, Paused, Retry, Sent
from notifier.errors import StoreUnavailable
from notifier.sandbox.options import APP_ID
from notifier.store.tokens import MemoryTokenStore, RedisTokenStore
from tests.channels.rig import (
    Clock,
    channel_for,
    endpoint_for,
    notification,
    options_for,
    token_calls,
)
from tests.sandbox.rig import CREDENTIAL, Sandbox

HOUR = timedelta(hours=1)


@asynccontextmanager
async def keeper_for(
    sandbox: Sandbox, store: TokenStore, clock: Clock
) -> AsyncIterator[TokenKeeper]:
    endpoint, egress = endpoint_for(sandbox)
    try:
        yield TokenKeeper(endpoint, store=store, clock=clock)
    finally:
        await egress.close()


def at_next_send(sandbox: Sandbox, *actions: str) -> None:
    sandbox.control.script(
        [{"endpoint": "template_send", "times": 1, "action": action} for action in actions]
    )


def sent_codes(sandbox: Sandbox) -> list[int]:
    """What each send was answered, in order."""
    rows = sandbox.control.wire()
    return [row["code"] for row in rows if row["endpoint"] == "template_send"]


@contextmanager
def calls_of_token(sandbox: Sandbox, expected: int) -> Iterator[None]:
    before = token_calls(sandbox)
    yield
    assert token_calls(sandbox) - before == expected


async def test_many_first_sends_fetch_one_token(sandbox: Sandbox, channel: WechatChannel) -> None:
    outcomes = await asyncio.gather(*(channel.send(notification()) for _ in range(100)))

    assert {type(outcome) for outcome in outcomes} == {Sent}
    assert token_calls(sandbox) == 1


async def test_the_store_holds_the_token_with_its_margin(sandbox: Sandbox) -> None:
    store = MemoryTokenStore()
    async with keeper_for(sandbox, store, Clock()) as keeper:
        token = await keeper.current()

    stored = await store.load(APP_ID)
    assert stored is not None
    entry, left = orjson.loads(stored[0]), stored[1]
    assert entry["token"] == token.value
    assert entry["source"] == "stable"
    assert entry["expires_at"] - entry["fetched_at"] == 7200 - 300
    assert timedelta(seconds=7200 - 305) < left <= timedelta(seconds=7200 - 300)


async def test_a_token_is_used_for_a_minute_at_least(sandbox: Sandbox) -> None:
    sandbox.control.behaviour(token_lifetime_s=320)
    store = MemoryTokenStore()
    async with keeper_for(sandbox, store, Clock()) as keeper:
        await keeper.current()

    stored = await store.load(APP_ID)
    assert stored is not None
    assert timedelta(seconds=55) < stored[1] <= timedelta(seconds=60)


async def test_the_store_is_asked_again_after_a_minute(sandbox: Sandbox) -> None:
    store, clock = MemoryTokenStore(), Clock()
    async with keeper_for(sandbox, store, clock) as keeper:
        first = await keeper.current()
        await store.save(APP_ID, b'{"token":"another"}', lifetime=HOUR)
        clock.advance(timedelta(seconds=59))
        assert (await keeper.current()).value == first.value
        clock.advance(timedelta(seconds=2))
        assert (await keeper.current()).value == "another"

    assert token_calls(sandbox) == 1


async def test_a_token_near_its_end_is_not_used_beyond_it(sandbox: Sandbox) -> None:
    store, clock = MemoryTokenStore(), Clock()
    await store.save(APP_ID, b'{"token":"ending"}', lifetime=timedelta(seconds=10))
    async with keeper_for(sandbox, store, clock) as keeper:
        assert (await keeper.current()).value == "ending"
        clock.advance(timedelta(seconds=11))
        assert keeper.held() is None


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"{}", b'{"token":""}', b'{"token":7}'])
async def test_what_is_no_token_in_the_store_is_replaced(sandbox: Sandbox, value: bytes) -> None:
    store = MemoryTokenStore()
    await store.save(APP_ID, value, lifetime=HOUR)
    channel = WechatChannel(options_for(sandbox), tokens=store)

    assert isinstance(await channel.send(notification()), Sent)
    await channel.close()

    stored = await store.load(APP_ID)
    assert stored is not None
    assert orjson.loads(stored[0])["token"].startswith("86_")


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "", "expires_in": 7200},
        {"access_token": None, "expires_in": 7200},
        {"expires_in": 7200},
        {"access_token": "t"},
        {"access_token": "t", "expires_in": "7200"},
    ],
)
async def test_an_empty_or_endless_token_is_never_stored(
    sandbox: Sandbox, answer: dict[str, Any]
) -> None:
    async def give(request: web.Request) -> web.Response:
        return web.json_response(answer)

    application = web.Application()
    application.router.add_post("/cgi-bin/stable_token", give)
    store = MemoryTokenStore()
    async with TestServer(application) as server:
        options = options_for(sandbox, base_url=str(server.make_url("")).rstrip("/"))
        channel = WechatChannel(options, tokens=store)
        outcome = await channel.send(notification())
        await channel.close()

    assert isinstance(outcome, Retry)
    assert outcome.code == "token_garbled"
    assert await store.load(APP_ID) is None


async def test_a_replaced_token_is_renewed_and_told_in_the_same_attempt(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    """A third party forced a refresh: ours is 'not latest' (40001)."""
    await channel.send(notification())
    sandbox.http.post("/cgi-bin/stable_token", json={**CREDENTIAL, "force_refresh": True})

    with calls_of_token(sandbox, 1):
        outcome = await channel.send(notification())

    assert isinstance(outcome, Sent)
    assert sent_codes(sandbox) == [0, 40001, 0]
    assert len(list(sandbox.control.effects())) == 2


async def test_an_expired_token_is_renewed_and_told_in_the_same_attempt(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    await channel.send(notification())
    at_next_send(sandbox, "clock:+7300")

    with calls_of_token(sandbox, 1):
        outcome = await channel.send(notification())

    assert isinstance(outcome, Sent)
    assert sent_codes(sandbox) == [0, 42001, 0]


@pytest.mark.parametrize("errcode", [40001, 40014, 41001, 42001])
async def test_each_token_code_is_followed_by_one_repeat(
    sandbox: Sandbox, channel: WechatChannel, errcode: int
) -> None:
    at_next_send(sandbox, f"errcode:{errcode}")

    outcome = await channel.send(notification())

    assert isinstance(outcome, Sent)
    assert len(list(sandbox.control.effects())) == 1


async def test_many_sends_with_a_refused_token_renew_it_once(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    await channel.send(notification())
    at_next_send(sandbox, "revoke_token")

    with calls_of_token(sandbox, 1):
        outcomes = await asyncio.gather(*(channel.send(notification()) for _ in range(100)))

    assert {type(outcome) for outcome in outcomes} == {Sent}
    assert len(list(sandbox.control.effects())) == 101


async def test_a_token_that_another_process_renewed_is_read_from_the_store(
    sandbox: Sandbox,
) -> None:
    store = MemoryTokenStore()
    one, two = (WechatChannel(options_for(sandbox), tokens=store) for _ in range(2))
    for channel in (one, two):
        await channel.send(notification())
    at_next_send(sandbox, "revoke_token")
    assert isinstance(await one.send(notification()), Sent)

    with calls_of_token(sandbox, 0):
        outcome = await two.send(notification())

    assert isinstance(outcome, Sent)
    for channel in (one, two):
        await channel.close()


async def test_a_refused_token_that_wechat_hands_out_again_is_replaced_by_force(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    await channel.send(notification())
    at_next_send(sandbox, "revoke_token:stuck")

    with calls_of_token(sandbox, 2):
        outcome = await channel.send(notification())

    assert isinstance(outcome, Sent)


async def test_a_second_forced_refresh_within_half_a_minute_waits_on_the_ladder(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    outcomes = []
    await channel.send(notification())
    for _ in range(2):
        at_next_send(sandbox, "revoke_token:stuck")
        outcomes.append(await channel.send(notification()))

    assert isinstance(outcomes[0], Sent)
    assert isinstance(outcomes[1], Retry)
    assert outcomes[1].code == "token_force_too_soon"


async def test_a_sixth_forced_refresh_in_a_day_pauses_the_channel(sandbox: Sandbox) -> None:
    sandbox.control.behaviour(force_gap_s=0)
    clock = Clock()
    store = MemoryTokenStore(clock=clock)
    outcomes: list[Outcome] = []
    channel = WechatChannel(options_for(sandbox), tokens=store)
    await channel.send(notification())
    for _ in range(6):
        clock.advance(timedelta(seconds=31))
        at_next_send(sandbox, "revoke_token:stuck")
        outcomes.append(await channel.send(notification()))
    await channel.close()

    assert [type(outcome) for outcome in outcomes] == [Sent] * 5 + [Paused]
    assert outcomes[-1].code == "token_force_exhausted"


async def test_a_forced_new_token_that_is_refused_too_pauses_the_channel(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    sandbox.control.script([{"endpoint": "template_send", "action": "errcode:40001"}])

    outcome = await channel.send(notification())

    assert isinstance(outcome, Paused)
    assert outcome.code == "40001"
    assert sandbox.control.counters()["calls"]["template_send"] == 2


async def test_a_renewed_token_that_is_refused_too_waits_on_the_ladder(
    sandbox: Sandbox, channel: WechatChannel
) -> None:
    """Right after a renewal WeChat is said to refuse the new token now and then."""
    await channel.send(notification())
    at_next_send(sandbox, "revoke_token", "errcode:40001")

    outcome = await channel.send(notification())

    assert isinstance(outcome, Retry)
    assert outcome.code == "40001"


async def test_without_a_store_the_token_is_fetched_directly_and_held(sandbox: Sandbox) -> None:
    store = RedisTokenStore("redis://127.0.0.1:1/0", prefix="test:")
    channel = WechatChannel(options_for(sandbox), tokens=store)

    outcomes = await asyncio.gather(*(channel.send(notification()) for _ in range(50)))

    assert {type(outcome) for outcome in outcomes} == {Sent}
    assert token_calls(sandbox) == 1
    at_next_send(sandbox, "revoke_token")
    with calls_of_token(sandbox, 1):
        assert isinstance(await channel.send(notification()), Sent)
    await channel.close()


async def test_without_a_store_no_refresh_is_forced(sandbox: Sandbox) -> None:
    store = RedisTokenStore("redis://127.0.0.1:1/0", prefix="test:")
    channel = WechatChannel(options_for(sandbox), tokens=store)
    await channel.send(notification())
    at_next_send(sandbox, "revoke_token:stuck")

    outcome = await channel.send(notification())
    await channel.close()

    assert isinstance(outcome, Retry)
    assert outcome.code == "token_force_uncounted"


class FailingStore(MemoryTokenStore):
    """Goes away in the middle: whoever has the lock can neither save nor give it back."""

    async def save(self, app_id: str, value: bytes, *, lifetime: timedelta) -> None:
        raise StoreUnavailable("gone")

    async def unlock(self, app_id: str, key: str) -> None:
        raise StoreUnavailable("gone")


async def test_a_store_that_goes_away_in_the_middle_costs_no_message(sandbox: Sandbox) -> None:
    channel = WechatChannel(options_for(sandbox), tokens=FailingStore())

    outcome = await channel.send(notification())
    await channel.close()

    assert isinstance(outcome, Sent)


async def test_a_lock_whose_holder_died_is_waited_out(sandbox: Sandbox) -> None:
    store = MemoryTokenStore()
    await store.lock(APP_ID, lifetime=timedelta(milliseconds=300))
    channel = WechatChannel(options_for(sandbox), tokens=store)

    outcome = await channel.send(notification())
    await channel.close()

    assert isinstance(outcome, Sent)


async def test_a_lock_that_is_held_too_long_is_a_retry_without_effect(sandbox: Sandbox) -> None:
    store = MemoryTokenStore()
    await store.lock(APP_ID, lifetime=HOUR)
    options = options_for(sandbox, timeout=timedelta(seconds=0.3))
    channel = WechatChannel(options, tokens=store)

    outcome = await channel.send(notification())
    await channel.close()

    assert isinstance(outcome, Retry)
    assert outcome.code == "token_timeout"


async def test_a_failed_call_is_repeated_after_a_second(sandbox: Sandbox) -> None:
    clock = Clock()
    sandbox.control.script([{"endpoint": "stable_token", "times": 1, "action": "http:502"}])
    async with keeper_for(sandbox, MemoryTokenStore(), clock) as keeper:
        for _ in range(3):
            with pytest.raises(TokenRefused):
                await keeper.current()
        clock.advance(timedelta(seconds=1.1))
        assert (await keeper.current()).value

    assert token_calls(sandbox) == 2


@pytest.mark.parametrize(("secret", "code"), [("wrong", "40001"), ("", "41004")])
async def test_a_wrong_secret_pauses_the_channel(sandbox: Sandbox, secret: str, code: str) -> None:
    channel = channel_for(sandbox, app_secret=secret)

    outcome = await channel.send(notification())
    await channel.close()

    assert isinstance(outcome, Paused)
    assert outcome.code == code
    assert "***" not in outcome.detail
