"""Nothing held is lost while the plugin is disabled, and nothing else suffers."""

from __future__ import annotations

import asyncio
import time

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError

from notifier.stack import Server, Stack
from notifier.stack import layout as layouts
from notifier.stack.layout import write_private
from notifier.stack.rabbitmq import RabbitMqRecipe
from tests.exchange.broker_shell import PLUGIN, run
from tests.exchange.rig import Rig, build, count, declare_exchange, wait_for_count
from tests.exchange.test_lifecycle import assert_dead_lettering_works


class _WithoutPlugin(RabbitMqRecipe):
    """The same broker, started without the delayed exchange."""

    def prepare(self) -> None:
        super().prepare()
        write_private(self.folder / "enabled_plugins", "[rabbitmq_management].\n")


def _start_without_plugin(stack: Stack) -> None:
    layout = layouts.load(stack.folder)
    assert layout is not None
    Server(_WithoutPlugin(stack.folder, layout)).start()


def _plugins(stack: Stack, action: str) -> None:
    run(stack.rabbitmq, "rabbitmq-plugins", action, PLUGIN)


async def _publish_until_stage_is_gone(rig: Rig, management: httpx.AsyncClient) -> int:
    """Pairs of messages with one hop and two; returns how many pairs are confirmed."""
    pairs = 0
    deadline = time.monotonic() + 60
    while (await management.get(f"/exchanges/notifier/{rig.name}.stage")).status_code == 200:
        assert time.monotonic() < deadline
        await rig.publish_all([(b"one hop", 1_000), (b"two hops", 1_010)])
        pairs += 1
    return pairs


async def test_a_disabled_plugin_delays_what_has_hops_left_and_loses_nothing(
    stack: Stack,
    channel: AbstractChannel,
    management: httpx.AsyncClient,
    amqp_url: str,
    name: str,
) -> None:
    rig = await build(channel, name)
    disabling = asyncio.create_task(asyncio.to_thread(_plugins, stack, "disable"))
    try:
        pairs = await _publish_until_stage_is_gone(rig, management)
        await disabling
        await asyncio.sleep(1.2)
        assert pairs <= await count(channel, rig.queue.name) < 2 * pairs
        await assert_dead_lettering_works(channel, name)
    finally:
        await asyncio.to_thread(_plugins, stack, "enable")
    # A channel remembers that it did not find the type.
    async with await aio_pika.connect(amqp_url) as connection:
        fresh = await connection.channel()
        exchange = await declare_exchange(fresh, name)
        again = Rig(channel=fresh, exchange=exchange, queue=await fresh.get_queue(rig.queue.name))
        await again.consume()
        await again.publish(b"two hops", 123)
        await again.wait_for(2 * pairs + 1, within_s=8)


async def test_a_broker_that_comes_back_without_the_plugin_delivers_what_has_one_hop(
    stack: Stack, amqp_url: str, name: str
) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        rig = await build(await connection.channel(), name)
        await rig.publish_all([(b"one hop", 8_000)] * 20 + [(b"two hops", 8_010)] * 20)
    await asyncio.to_thread(stack.rabbitmq.stop)
    await asyncio.to_thread(_start_without_plugin, stack)
    try:
        async with await aio_pika.connect(amqp_url) as connection:
            channel = await connection.channel()
            await wait_for_count(channel, f"{name}.work", 20)
            await assert_dead_lettering_works(channel, name)
            # What is published meanwhile is refused, not lost.
            exchange = await channel.get_exchange(name, ensure=False)
            refused = Rig(channel=channel, exchange=exchange, queue=rig.queue)
            with pytest.raises(AMQPError):
                await refused.publish(b"never", 100)
        await asyncio.to_thread(_plugins, stack, "enable")
        async with await aio_pika.connect(amqp_url) as connection:
            again = await build(await connection.channel(), name)
            await again.publish(b"accepted", 100)
            await wait_for_count(again.channel, again.queue.name, 41)
    finally:
        await asyncio.to_thread(stack.rabbitmq.stop)
        await asyncio.to_thread(stack.rabbitmq.start)
