"""What nobody takes when it is due is kept, and delays nobody else."""

from __future__ import annotations

import time

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import PublishError
from aiormq.abc import FieldValue

from tests.exchange.rig import (
    Rig,
    build,
    count,
    declare_exchange,
    declare_queue,
    take,
    wait_for_count,
)


@pytest.mark.parametrize("delay_ms", [100, 123])
async def test_without_an_alternate_exchange_it_goes_to_the_unrouted_queue(
    channel: AbstractChannel, name: str, delay_ms: int
) -> None:
    rig = await build(channel, name)
    await rig.publish(b"for nobody", delay_ms, key="nobody")
    await wait_for_count(channel, f"{name}.unrouted", 1)
    unrouted = await channel.get_queue(f"{name}.unrouted")
    assert await take(unrouted, 1) == [b"for nobody"]


async def test_with_an_alternate_exchange_it_goes_there(
    channel: AbstractChannel, name: str
) -> None:
    alternate = await channel.declare_exchange(f"{name}.mine", "fanout", durable=True)
    queue = await declare_queue(channel, f"{name}.caught")
    await queue.bind(alternate)
    exchange = await declare_exchange(channel, name, alternate=alternate.name)
    rig = Rig(channel=channel, exchange=exchange, queue=queue)
    await rig.publish(b"at once", key="nobody")
    await rig.publish(b"later", 100, key="nobody")
    await wait_for_count(channel, queue.name, 2)
    assert await take(queue, 2) == [b"at once", b"later"]
    assert await count(channel, f"{name}.unrouted") == 0


async def test_an_alternate_exchange_that_is_gone_leaves_the_unrouted_queue(
    channel: AbstractChannel, name: str
) -> None:
    alternate = await channel.declare_exchange(f"{name}.mine", "fanout", durable=True)
    exchange = await declare_exchange(channel, name, alternate=alternate.name)
    await alternate.delete()
    queue = await declare_queue(channel, f"{name}.work")
    rig = Rig(channel=channel, exchange=exchange, queue=queue)
    await rig.publish(b"for nobody", 100)
    await wait_for_count(channel, f"{name}.unrouted", 1)


async def test_a_thousand_that_nobody_takes_delay_no_other(rig: Rig) -> None:
    await rig.publish_all([(b"bad", 1_000)] * 1_000, key="nobody")
    due_s = time.time() + 1
    await rig.publish_all([(b"good", 1_000)] * 100)
    arrivals = await rig.wait_for(100, within_s=8)
    assert arrivals[-1].at_s - due_s < 2
    await wait_for_count(rig.channel, f"{rig.name}.unrouted", 1_000)


async def test_mandatory_means_what_it_means_elsewhere(
    connection: AbstractConnection, name: str
) -> None:
    channel = await connection.channel(on_return_raises=True)
    rig = await build(channel, name)
    with pytest.raises(PublishError):
        await rig.publish(b"for nobody, at once", key="nobody")
    # It is in a queue, which is all that mandatory asks for.
    await rig.publish(b"for nobody, later", 100, key="nobody")


async def test_a_message_that_a_stage_cannot_place_is_unrouted_and_stops_nothing(
    channel: AbstractChannel, name: str
) -> None:
    rig = await build(channel, name)
    await rig.consume()
    arguments: dict[str, FieldValue] = {
        "x-queue-type": "quorum",
        "x-message-ttl": 50,
        "x-dead-letter-exchange": f"{name}.stage",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    stray = await channel.declare_queue(f"{name}.stray", durable=True, arguments=arguments)
    for number in range(5):
        await channel.default_exchange.publish(aio_pika.Message(b"%d" % number), stray.name)
    await wait_for_count(channel, f"{name}.unrouted", 5)
    await rig.publish(b"held", 234)
    await rig.wait_for(1, within_s=2)
