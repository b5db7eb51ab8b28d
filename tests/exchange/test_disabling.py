"""Nothing held is lost while the plugin is disabled, and nothing else suffers."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path

import aio_pika
import httpx
from aio_pika.abc import AbstractChannel

from notifier.stack import Stack
from tests.exchange.rig import Rig, build, count, declare_exchange
from tests.exchange.test_lifecycle import assert_dead_lettering_works

PLUGIN = "notifier_delayed_exchange"


def _plugins(stack: Stack, action: str) -> None:
    """Run rabbitmq-plugins against the stack's broker, with that broker's own environment."""
    broker = Path("/proc") / str(stack.rabbitmq.status().pid)
    pairs = (pair.partition("=") for pair in (broker / "environ").read_text().split("\0") if pair)
    environ = {name: value for name, _, value in pairs}
    plugins = Path(environ["RABBITMQ_PLUGINS_DIR"].split(":")[0])
    subprocess.run(
        [plugins.parent / "sbin" / "rabbitmq-plugins", action, PLUGIN],
        env=environ,
        check=True,
        capture_output=True,
    )


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
    pairs = await _publish_until_stage_is_gone(rig, management)
    await disabling
    try:
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
