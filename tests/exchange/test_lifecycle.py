"""Exchanges that go and come while they hold messages, and messages that come back."""

from __future__ import annotations

import asyncio
import time

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.abc import FieldValue

from notifier.stack import Stack
from tests.exchange.broker_shell import evaluate
from tests.exchange.rig import (
    Rig,
    build,
    count,
    declare_exchange,
    declare_queue,
    next_message,
    take,
)

AT_LEAST_ONCE: dict[str, FieldValue] = {
    "x-queue-type": "quorum",
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}


@pytest.mark.parametrize("delay_ms", [300, 345], ids=["one hop", "two hops"])
async def test_an_exchange_deleted_while_it_holds_messages_still_delivers_them(
    channel: AbstractChannel, name: str, delay_ms: int
) -> None:
    rig = await build(channel, name)
    await rig.publish_all([(b"%d" % number, delay_ms) for number in range(20)])
    await rig.exchange.delete()
    await rig.consume()
    await rig.wait_for(20, within_s=3)
    await assert_dead_lettering_works(channel, name)


async def assert_dead_lettering_works(channel: AbstractChannel, name: str) -> None:
    """It is one for the whole node: a queue that has nothing to do with delays shows it."""
    target = await declare_queue(channel, f"{name}.target")
    arguments = {
        **AT_LEAST_ONCE,
        "x-message-ttl": 10,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": target.name,
    }
    await channel.declare_queue(f"{name}.source", durable=True, arguments=arguments)
    message = aio_pika.Message(b"unrelated")
    await channel.default_exchange.publish(message, f"{name}.source")
    assert await take(target, 1) == [b"unrelated"]


async def test_an_exchange_can_be_deleted_and_declared_with_another_delegated_type(
    channel: AbstractChannel, name: str
) -> None:
    rig = await build(channel, name)
    await rig.exchange.delete()
    exchange = await declare_exchange(channel, name, "fanout")
    other = await declare_queue(channel, f"{name}.other")
    await other.bind(exchange, "unlike the message's")
    again = Rig(channel=channel, exchange=exchange, queue=other)
    await again.publish(b"held", 100)
    assert await take(other, 1) == [b"held"]
    # The new exchange starts without bindings, and so does its companion.
    assert await count(channel, rig.queue.name) == 0


@pytest.mark.parametrize("delay_ms", [150, 123, 1_001], ids=["150", "123", "1001"])
async def test_a_message_republished_as_received_is_delayed_again_each_time(
    rig: Rig, delay_ms: int
) -> None:
    await rig.publish(b"again", delay_ms)
    for life in range(2, 5):
        [last] = (await rig.wait_for(life - 1, within_s=3))[-1:]
        assert "x-death" in last.message.headers
        message = aio_pika.Message(last.body, headers=last.message.headers)
        await rig.exchange.publish(message, "k")
        arrivals = await rig.wait_for(life, within_s=3)
        assert arrivals[-1].at_s - last.at_s >= delay_ms / 1000 - 0.001


@pytest.mark.parametrize("delay_ms", [150, 123], ids=["one hop", "two hops"])
async def test_a_message_rejected_back_into_the_exchange_is_delayed_again(
    channel: AbstractChannel, name: str, delay_ms: int
) -> None:
    exchange = await declare_exchange(channel, name)
    arguments: dict[str, FieldValue] = {**AT_LEAST_ONCE, "x-dead-letter-exchange": name}
    queue = await channel.declare_queue(f"{name}.work", durable=True, arguments=arguments)
    await queue.bind(exchange, "k")
    rig = Rig(channel=channel, exchange=exchange, queue=queue)
    await rig.publish(b"round and round", delay_ms)
    for _ in range(4):
        rejected_s = time.time()
        await (await next_message(queue)).reject(requeue=False)
    await next_message(queue)
    assert time.time() - rejected_s >= delay_ms / 1000 - 0.001
    assert await count(channel, f"{name}.unrouted") == 0


async def test_many_channels_that_first_use_the_same_hold_queue_at_once_get_no_nack(
    amqp_url: str, rig: Rig
) -> None:
    async def publish_first(number: int) -> None:
        async with await aio_pika.connect(amqp_url) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(rig.name)
            mine = Rig(channel=channel, exchange=exchange, queue=rig.queue)
            await mine.publish_all([(b"%d" % number, 1_500 + 11 * n) for n in range(10)])

    await asyncio.gather(*(publish_first(number) for number in range(15)))
    await rig.wait_for(150, within_s=5)


async def test_a_publisher_needs_no_permission_but_to_write_to_the_exchange(
    stack: Stack, rig: Rig, limited_url: str
) -> None:
    async with await aio_pika.connect(limited_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(rig.name, ensure=False)
        limited = Rig(channel=channel, exchange=exchange, queue=rig.queue)
        await limited.publish(b"held", 112)
    await rig.wait_for(1, within_s=2)


@pytest.mark.parametrize(
    "change",
    [
        'register(exchange, <<"x-delayed-message">>, rabbit_exchange_type_fanout)',
        'unregister(exchange, <<"x-delayed-message">>)',
    ],
    ids=["enabled beside it", "disabled beside it"],
)
async def test_the_type_is_ours_again_a_moment_after_rabbitmq_s_plugin_was_there(
    stack: Stack, amqp_url: str, rig: Rig, change: str
) -> None:
    await evaluate(stack, f"rabbit_registry:{change}.")
    registered = "rabbit_registry:lookup_module(exchange, 'x-delayed-message')."
    deadline = time.monotonic() + 10
    while await evaluate(stack, registered) != "{ok,notifier_delayed_exchange}":
        assert time.monotonic() < deadline
    # A channel remembers whose the type was.
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(rig.name)
        again = Rig(channel=channel, exchange=exchange, queue=rig.queue)
        await again.publish(b"held", 110, key="k")
    [arrival] = await rig.wait_for(1, within_s=3)
    assert arrival.message.exchange == f"{rig.name}.companion"


async def test_a_companion_that_has_lost_its_bindings_gets_them_back(
    stack: Stack, channel: AbstractChannel, name: str
) -> None:
    rig = await build(channel, name)
    source = f'rabbit_misc:r(<<"notifier">>, exchange, <<"{name}.companion">>)'
    lose = (
        f'[rabbit_binding:remove(B, <<"test">>) || B <- rabbit_binding:list_for_source({source})],'
        f" length(rabbit_binding:list_for_source({source}))."
    )
    assert await evaluate(stack, lose) == "0"
    # It does so every half minute, and when the broker starts.
    await evaluate(stack, "notifier_delayed_routes:repair_all().")
    await rig.publish(b"held", 100)
    assert await take(rig.queue, 1) == [b"held"]


async def test_a_message_waits_where_it_is_while_nobody_can_make_its_next_hold_queue(
    stack: Stack, rig: Rig
) -> None:
    holds = "notifier_delayed_sup, notifier_delayed_holds"
    started = time.monotonic()
    await rig.publish(b"in two hops", 6_034)
    await rig.channel.queue_delete(f"{rig.name}.final.34")
    await evaluate(stack, f"supervisor:terminate_child({holds}).")
    due_in_s = started + 6.5 - time.monotonic()
    assert due_in_s > 0
    await asyncio.sleep(due_in_s)
    assert rig.arrivals == []
    await evaluate(stack, f"supervisor:restart_child({holds}).")
    await rig.wait_for(1, within_s=20)
    assert await count(rig.channel, f"{rig.name}.unrouted") == 0
