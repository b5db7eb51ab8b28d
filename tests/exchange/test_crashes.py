"""Confirmed messages outlive the broker's end, whenever it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aio_pika
import httpx
import pytest

from notifier.stack import Server, Stack
from tests.exchange.rig import Rig, build, count, declare_exchange, declare_queue

COUNT = 5_000
# One and two hops; with the kill in the middle some are released before it, some fall due while
# the broker is down and some when it is back.
DELAYS_MS = (900, 1_500, 2_000, 2_345, 4_000, 6_100, 10_000)
KILL_AFTER_S = 2.0
# Recovered before those of the exchange, in the order of names: they give the hold queues time to
# have leaders, and to release what is due, before the plugin is up.
_SLOW_TO_RECOVER = 10_000


def _ends() -> list[Callable[[Server], None]]:
    return [Server.kill, Server.stop]


async def _publish_and_end(rig: Rig, end: Callable[[Server], None], server: Server) -> set[bytes]:
    started = time.monotonic()
    bodies = [b"%d" % number for number in range(COUNT)]
    await rig.publish_all(
        [(body, DELAYS_MS[number % len(DELAYS_MS)]) for number, body in enumerate(bodies)]
    )
    await asyncio.sleep(max(0.0, started + KILL_AFTER_S - time.monotonic()))
    released = await count(rig.channel, rig.queue.name)
    assert 0 < released < COUNT, "the end has to come before some are due and after others"
    await asyncio.to_thread(end, server)
    return set(bodies)


@asynccontextmanager
async def _back_again(stack: Stack, amqp_url: str, name: str) -> AsyncIterator[Rig]:
    """The broker, and what arrives from now on."""
    await asyncio.to_thread(stack.rabbitmq.start)
    async with await aio_pika.connect(amqp_url) as connection:
        rig = await build(await connection.channel(), name)
        await rig.consume()
        yield rig


@pytest.mark.parametrize("end", _ends(), ids=["kill -9", "in good order"])
async def test_none_of_5000_confirmed_messages_is_lost_when_the_broker_ends(
    stack: Stack, amqp_url: str, name: str, end: Callable[[Server], None]
) -> None:
    connection = await aio_pika.connect(amqp_url)
    sent = await _publish_and_end(
        await build(await connection.channel(), name), end, stack.rabbitmq
    )
    await connection.close()
    async with _back_again(stack, amqp_url, name) as rig:
        await rig.wait_for_all(sent, within_s=30)


async def test_a_kill_right_after_the_first_use_of_hold_queues_loses_nothing_confirmed(
    stack: Stack, amqp_url: str, name: str
) -> None:
    connection = await aio_pika.connect(amqp_url)
    channel = await connection.channel()
    exchange = await declare_exchange(channel, name)
    queue = await declare_queue(channel, f"{name}.work")
    await queue.bind(exchange, "k")
    rig = Rig(channel=channel, exchange=exchange, queue=queue)
    delays_ms = [3_000 + 100 * step for step in range(20)] + [3_001 + 101 * n for n in range(20)]
    await asyncio.gather(*(rig.publish(b"%d" % delay, delay) for delay in delays_ms))
    await asyncio.to_thread(stack.rabbitmq.kill)
    await connection.close()
    async with _back_again(stack, amqp_url, name) as rig:
        await rig.wait_for_all({b"%d" % delay for delay in delays_ms}, within_s=20)


async def _add_bindings(management: httpx.AsyncClient, queue: str, count: int) -> None:
    binding = {
        "source": "amq.direct",
        "destination": queue,
        "destination_type": "queue",
        "arguments": {},
    }
    bindings = [{**binding, "routing_key": f"{queue}.{number}"} for number in range(count)]
    answer = await management.post("/definitions/notifier", json={"bindings": bindings})
    answer.raise_for_status()


async def test_what_falls_due_while_the_broker_is_down_waits_for_all_bindings(
    stack: Stack, amqp_url: str, management: httpx.AsyncClient, name: str
) -> None:
    connection = await aio_pika.connect(amqp_url)
    rig = await build(await connection.channel(), name)
    await _add_bindings(management, rig.queue.name, _SLOW_TO_RECOVER)
    delays_ms = [2_000 + 100 * step for step in range(10)]
    await rig.publish_all([(b"%d" % delay_ms, delay_ms) for delay_ms in delays_ms])
    await asyncio.to_thread(stack.rabbitmq.kill)
    await connection.close()
    async with _back_again(stack, amqp_url, name) as rig:
        await rig.wait_for_all({b"%d" % delay for delay in delays_ms}, within_s=3)
        await rig.queue.delete(if_unused=False, if_empty=False)


async def test_what_falls_due_while_the_broker_is_down_gets_the_hold_queue_that_it_lacks(
    stack: Stack, amqp_url: str, management: httpx.AsyncClient, name: str
) -> None:
    connection = await aio_pika.connect(amqp_url)
    rig = await build(await connection.channel(), name)
    await _add_bindings(management, rig.queue.name, _SLOW_TO_RECOVER)
    await rig.publish(b"in two hops", 1_234)
    # As if nobody had used it for an hour. The first use of another one writes this to disk.
    await rig.channel.queue_delete(f"{name}.final.34")
    await rig.publish(b"in one hop", 50)
    await asyncio.to_thread(stack.rabbitmq.kill)
    await connection.close()
    async with _back_again(stack, amqp_url, name) as rig:
        await rig.wait_for_all({b"in one hop", b"in two hops"}, within_s=20)
        await rig.queue.delete(if_unused=False, if_empty=False)
