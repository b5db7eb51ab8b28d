"""A hold queue is made once, wherever and however often it is first used, and whoever dies then."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from tests.cluster.nodes import Cluster
from tests.cluster.rig import Consumer, Publisher, declare

CONNECTIONS = 30
EACH = 30
# One hop and two: three hold queues.
DELAYS_MS = (2_000, 2_345)
MANY_DELAYS_MS = [1_000 + 100 * step for step in range(30)] + [4_001 + 101 * n for n in range(10)]


async def test_30_connections_on_three_nodes_that_first_use_a_hold_queue_at_once_lose_nothing(
    cluster: Cluster, name: str
) -> None:
    work_queue = await declare(cluster.nodes[0], name)
    async with AsyncExitStack() as connections:
        publishers = [
            await connections.enter_async_context(Publisher.at(cluster.nodes[number % 3], name))
            for number in range(CONNECTIONS)
        ]
        began_s = time.time()
        await asyncio.gather(
            *(
                publisher.publish(b"%d.%d" % (number, turn), DELAYS_MS[turn % 2])
                for number, publisher in enumerate(publishers)
                for turn in range(EACH)
            )
        )
    sent = {body: sent for publisher in publishers for body, sent in publisher.sent.items()}
    slowest_s = max(one.confirmed_s for one in sent.values()) - began_s
    assert len(sent) == CONNECTIONS * EACH
    consumer = Consumer(queue=work_queue)
    async with consumer.at(cluster.nodes[0]):
        await consumer.wait_for_all(sent.keys())
    print(f"{len(sent)} of {len(sent)} confirmed, the last after {slowest_s:.2f} s; 0 lost,")
    print(f"{consumer.doubles} twice")


@pytest.mark.parametrize("after_s", [0.05, 0.5])
async def test_hold_queues_whose_maker_died_are_made_by_another_node(
    cluster: Cluster, name: str, after_s: float
) -> None:
    maker, other, _ = cluster.nodes
    work_queue = await declare(other, name)
    async with Publisher.at(maker, name) as first:
        group = asyncio.gather(
            *(first.publish(b"first %d" % delay_ms, delay_ms) for delay_ms in MANY_DELAYS_MS),
            return_exceptions=True,
        )
        await asyncio.sleep(after_s)
        await asyncio.to_thread(maker.server.kill)
        await group
    began_s = time.time()
    async with Publisher.at(other, name) as second, asyncio.TaskGroup() as tasks:
        for delay_ms in MANY_DELAYS_MS:
            tasks.create_task(second.publish_until_confirmed(b"second %d" % delay_ms, delay_ms))
    remade_s = time.time() - began_s
    consumer = Consumer(queue=work_queue)
    async with consumer.at(other):
        await consumer.wait_for_all(first.sent.keys() | second.sent.keys())
    print(f"{len(first.sent)} confirmed before the end, all of {len(second.sent)} others within")
    print(f"{remade_s:.2f} s of it after {second.nacks} nacks; 0 lost, {consumer.doubles} twice")
