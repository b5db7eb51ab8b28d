"""A node that comes back is a full member again, and two that are gone are not lied about."""

from __future__ import annotations

import asyncio
import time

import pytest
from aio_pika.exceptions import AMQPError, DeliveryError

from tests.cluster.nodes import Cluster
from tests.cluster.rig import Consumer, Publisher, declare, failover_s, first_use

COUNT = 2_000
# One hop and two, and long enough for a node to end, to come back and for another to end.
DELAYS_MS = (35_000, 36_500)


async def test_what_was_held_while_a_node_was_away_survives_the_loss_of_another(
    cluster: Cluster, name: str
) -> None:
    away, lost, last = cluster.nodes
    work_queue = await declare(last, name)
    async with Publisher.at(away, name) as early:
        await early.publish_all([b"early %d" % number for number in range(COUNT)], DELAYS_MS[0])
        await asyncio.to_thread(away.server.kill)
    async with Publisher.at(lost, name) as meanwhile:
        # Into a hold queue that there is already, and into new ones of a majority.
        bodies = [b"meanwhile %d" % number for number in range(100)]
        for number, body in enumerate(bodies):
            await meanwhile.publish_until_confirmed(body, DELAYS_MS[number % 2])
        await asyncio.to_thread(cluster.start)
        async with Publisher.at(away, name) as returned:
            await first_use(away, name, 3_000)
            await returned.publish(b"returned", 1_000)
        hold_queues = [f"{name}.final.{DELAYS_MS[0]}", f"{name}.hold.36000", f"{name}.final.500"]
        await asyncio.to_thread(cluster.until_complete, hold_queues)
        await asyncio.to_thread(lost.server.kill)
    failover = await failover_s(cluster, [*hold_queues, work_queue])
    consumer = Consumer(queue=work_queue)
    sent = early.sent | meanwhile.sent | returned.sent
    async with consumer.at(away):
        await consumer.wait_for_all(sent.keys())
    print(f"second failover {failover:.2f} s, 0 of {len(sent)} lost, {consumer.doubles} twice")


async def test_with_two_of_three_nodes_down_nothing_is_confirmed_and_nothing_confirmed_is_lost(
    cluster: Cluster, name: str
) -> None:
    survivor, *others = cluster.nodes
    work_queue = await declare(survivor, name)
    async with Publisher.at(survivor, name) as before:
        await before.publish_all([b"before %d" % number for number in range(100)], 5_000)
        for other in others:
            await asyncio.to_thread(other.server.kill)
        with pytest.raises((DeliveryError, AMQPError, TimeoutError)):
            async with asyncio.timeout(3):
                await before.publish(b"existing hold queue", 5_000)
    async with Publisher.at(survivor, name) as minority:
        began_s = time.monotonic()
        with pytest.raises((DeliveryError, AMQPError, TimeoutError)):
            async with asyncio.timeout(30):
                await minority.publish(b"new hold queue", 6_000)
        refused_s = time.monotonic() - began_s
    await asyncio.to_thread(cluster.start)
    async with Publisher.at(survivor, name) as after:
        for delay_ms in (5_000, 6_000):
            await after.publish_until_confirmed(b"after %d" % delay_ms, delay_ms)
    consumer = Consumer(queue=work_queue)
    async with consumer.at(survivor):
        await consumer.wait_for_all(before.sent.keys() | after.sent.keys())
    print(f"refused after {refused_s:.2f} s; 0 of {len(before.sent | after.sent)} lost")
