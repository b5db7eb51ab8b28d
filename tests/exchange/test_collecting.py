"""Hold queues that nobody uses go away, and never take a message with them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection

from notifier.stack import Stack
from tests.exchange.broker_shell import evaluate
from tests.exchange.rig import Rig, build, count, declare_exchange, wait_for_count

VHOST = "notifier"
# A publisher that is slower than this between finding its queue and handing it the message would
# lose it; the product waits for 60 s.
RETIRING_MS = 1_500
# Of one hop and of two; none shares a hold queue with another.
DELAYS_MS = (*range(20, 35), 140, 150, 160, 171, 182, 193)


def _set(**milliseconds: int) -> str:
    return ", ".join(
        f"application:set_env(notifier_delayed_exchange, {key}, {value})"
        for key, value in milliseconds.items()
    )


@pytest.fixture
async def eager(stack: Stack) -> AsyncIterator[None]:
    """Collect every 0.1 s what is empty."""
    now = "notifier_delayed_collector:collect()."
    eager = _set(hold_queue_idle_ms=0, hold_queue_retiring_ms=RETIRING_MS, collect_every_ms=100)
    await evaluate(stack, f"{eager}, {now}")
    yield
    usual = _set(
        hold_queue_idle_ms=3_600_000, hold_queue_retiring_ms=60_000, collect_every_ms=60_000
    )
    await evaluate(stack, f"{usual}, {now}")


async def _hold_queues(management: httpx.AsyncClient, name: str) -> set[str]:
    answer = await management.get(f"/queues/{VHOST}?disable_stats=true&enable_queue_totals=true")
    answer.raise_for_status()
    prefixes = (f"{name}.hold.", f"{name}.final.")
    return {queue["name"] for queue in answer.json() if queue["name"].startswith(prefixes)}


async def _wait_until_gone(management: httpx.AsyncClient, path: str) -> None:
    deadline = time.monotonic() + 15
    while (await management.get(path)).status_code != 404:
        assert time.monotonic() < deadline, f"{path} is still there"
        await asyncio.sleep(0.1)


@pytest.mark.usefixtures("eager")
async def test_an_unused_hold_queue_goes_away_and_comes_back_when_it_is_needed(
    rig: Rig, management: httpx.AsyncClient
) -> None:
    # The same channel throughout: it has to notice that its queue is another one.
    for arrived in (1, 2, 3):
        await rig.publish(b"%d" % arrived, 50)
        await rig.wait_for(arrived, within_s=3)
        await _wait_until_gone(management, f"/queues/{VHOST}/{rig.name}.final.50")


@pytest.mark.usefixtures("eager")
async def test_a_hold_queue_that_holds_something_stays(
    rig: Rig, management: httpx.AsyncClient
) -> None:
    await rig.publish(b"held", 4_100)
    await rig.publish(b"twice", 4_110)
    seen = await _hold_queues(management, rig.name)
    assert seen == {f"{rig.name}.{queue}" for queue in ("final.4100", "hold.4100", "final.10")}
    arrivals = await rig.wait_for(2, within_s=6)
    assert [arrival.body for arrival in arrivals] == [b"held", b"twice"]


async def _use(rigs: list[Rig], delay_ms: int, *, until_s: float) -> set[bytes]:
    """Publish on one channel or another, each time about when the hold queue is collected."""
    sent: set[bytes] = set()
    while time.monotonic() < until_s:
        body = b"%d %d" % (delay_ms, len(sent))
        await random.choice(rigs).publish(body, delay_ms)
        sent.add(body)
        await asyncio.sleep((RETIRING_MS + delay_ms) / 1000 + random.uniform(-0.1, 0.4))
    return sent


async def _another(connection: AbstractConnection, rig: Rig) -> Rig:
    """The same exchange and queue on a channel of its own."""
    channel = await connection.channel()
    exchange = await channel.get_exchange(rig.name)
    return Rig(channel=channel, exchange=exchange, queue=rig.queue)


async def _watch(management: httpx.AsyncClient, name: str, *, until_s: float) -> int:
    """How many times a hold queue was seen to be gone."""
    gone, before = 0, set[str]()
    while time.monotonic() < until_s:
        now = await _hold_queues(management, name)
        gone += len(before - now)
        before = now
        await asyncio.sleep(0.2)
    return gone


@pytest.mark.usefixtures("eager")
async def test_publishers_that_race_with_the_collection_lose_nothing(
    amqp_url: str, rig: Rig, management: httpx.AsyncClient
) -> None:
    until_s = time.monotonic() + 15
    async with await aio_pika.connect(amqp_url) as connection, asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(_watch(management, rig.name, until_s=until_s))
        rigs = [await _another(connection, rig) for _ in range(3)]
        uses = [tasks.create_task(_use(rigs, ms, until_s=until_s)) for ms in DELAYS_MS]
        await asyncio.wait(uses)
        sent = set().union(*(use.result() for use in uses))
    await rig.wait_for_all(sent, within_s=8)
    assert len(rig.arrivals) == len(sent)
    # Otherwise there was nothing to race with.
    assert watch.result() > 20


@pytest.mark.usefixtures("eager")
async def test_what_is_around_a_deleted_exchange_goes_when_nothing_is_held_any_more(
    channel: AbstractChannel, management: httpx.AsyncClient, name: str
) -> None:
    rig = await build(channel, name)
    await rig.publish_all([(b"held", 2_100), (b"twice", 2_110)])
    await rig.exchange.delete()
    await wait_for_count(channel, rig.queue.name, 2)
    for helper in ("companion", "stage", "alternate", "unrouted"):
        await _wait_until_gone(management, f"/exchanges/{VHOST}/{name}.{helper}")
    await _wait_until_gone(management, f"/queues/{VHOST}/{name}.unrouted")
    assert await _hold_queues(management, name) == set()
    again = await build(channel, name)
    await again.publish(b"new", 2_110)
    await wait_for_count(channel, rig.queue.name, 3)


@pytest.mark.usefixtures("eager")
async def test_what_nobody_wanted_stays_when_the_exchange_is_deleted(
    channel: AbstractChannel, management: httpx.AsyncClient, name: str
) -> None:
    exchange = await declare_exchange(channel, name)
    queue = await channel.declare_queue(exclusive=True)
    await Rig(channel=channel, exchange=exchange, queue=queue).publish(b"for nobody", 30)
    await wait_for_count(channel, f"{name}.unrouted", 1)
    await exchange.delete()
    await _wait_until_gone(management, f"/exchanges/{VHOST}/{name}.companion")
    assert await count(channel, f"{name}.unrouted") == 1


async def test_an_hour_without_use_and_a_minute_of_grace_are_the_default(stack: Stack) -> None:
    settings = await evaluate(
        stack,
        "[element(2, application:get_env(notifier_delayed_exchange, K))"
        " || K <- [hold_queue_idle_ms, hold_queue_retiring_ms, collect_every_ms]].",
    )
    assert settings == "[3600000,60000,60000]"


async def test_a_hold_queue_at_rest_gives_back_the_memory_that_it_does_not_need(
    stack: Stack, rig: Rig
) -> None:
    held = 0
    queue = f"{rig.name}.final.3600000"
    collections = (
        f"[{{_, Kinds}}] = process_info(whereis('{VHOST}_{queue}'), [garbage_collection]), "
        "proplists:get_value(minor_gcs, Kinds)"
    )
    # The broker looks around once a minute by itself; just after that there is nothing to give.
    while not held or int(await evaluate(stack, f"{collections}.")) == 0:
        await rig.publish_all([(b"%d" % number, 3_600_000) for number in range(5_000)])
        held += 5_000
    deadline = time.monotonic() + 20
    # It is at rest when the broker's figures of it no longer change, which are some seconds old.
    while int(await evaluate(stack, f"notifier_delayed_collector:collect(), {collections}.")) > 0:
        assert time.monotonic() < deadline
    assert await count(rig.channel, queue) == held
