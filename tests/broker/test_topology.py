from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError

from notifier.broker.connection import Server, open_connection
from notifier.broker.declaring import refusal
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.topology import Topology, apply
from notifier.errors import TopologyError


@pytest.fixture
async def channel(server: Server) -> AsyncIterator[AbstractChannel]:
    async with await open_connection(server, name="test") as connection:
        yield await connection.channel()


async def test_an_exchange_of_the_same_name_but_another_type_is_refused(
    server: Server, names: Topology, channel: AbstractChannel
) -> None:
    await channel.declare_exchange(names.exchange, aio_pika.ExchangeType.FANOUT, durable=True)

    with pytest.raises(TopologyError) as raised:
        await apply(names, server, ExchangeDelay(names))

    told = str(raised.value)
    assert f"exchange {names.exchange!r}: its type is fanout, expected x-delayed-message" in told
    assert "delete that exchange" in told
    assert "[amqp] exchange" in told


async def test_an_exchange_that_routes_otherwise_is_refused(
    server: Server, topology: Topology
) -> None:
    with pytest.raises(TopologyError) as raised:
        await apply(
            replace(topology, delayed_type="topic"),
            server,
            ExchangeDelay(replace(topology, delayed_type="topic")),
        )

    assert "its x-delayed-type is direct, expected topic" in str(raised.value)


async def test_a_queue_of_another_type_is_refused(
    server: Server, names: Topology, channel: AbstractChannel
) -> None:
    queue = await channel.declare_queue(names.queue_of(3), durable=True)

    with pytest.raises(TopologyError) as raised:
        await apply(names, server, ExchangeDelay(names))

    told = str(raised.value)
    assert f"queue {names.queue_of(3)!r}: its x-queue-type is not set, expected quorum" in told
    assert "queue_type" in told
    await channel.queue_delete(queue.name)


async def test_a_queue_with_an_argument_of_somebody_else_is_refused(
    server: Server, names: Topology, channel: AbstractChannel
) -> None:
    queue = await channel.declare_queue(
        names.dead_queue,
        durable=True,
        arguments={"x-queue-type": "quorum", "x-message-ttl": 60_000},
    )

    with pytest.raises(TopologyError) as raised:
        await apply(names, server, ExchangeDelay(names))

    assert "its x-message-ttl is 60000, expected not set" in str(raised.value)
    await channel.queue_delete(queue.name)


async def test_classic_queues_are_the_ones_that_older_programs_declare(
    server: Server, names: Topology, channel: AbstractChannel
) -> None:
    shared = replace(names, queue_type="classic", delayed_type="topic")
    exchange = await channel.declare_exchange(
        shared.exchange, "x-delayed-message", durable=True, arguments={"x-delayed-type": "topic"}
    )
    queues = [await channel.declare_queue(shared.queue_of(tier), durable=True) for tier in (1, 3)]
    for queue in queues:
        await queue.bind(exchange, routing_key=queue.name)

    await apply(shared, server, ExchangeDelay(shared))

    for name in (*shared.tier_queues, shared.dead_queue):
        await channel.queue_delete(name)


async def test_a_broker_without_the_exchange_type_says_so_and_we_say_what_to_do(
    server: Server, names: Topology
) -> None:
    async with await open_connection(server, name="test") as connection:
        channel = await connection.channel()
        with pytest.raises(AMQPError) as answered:
            await channel.declare_exchange(names.exchange, "x-not-installed")

    told = str(refusal("exchange 'delay'", str(answered.value)))

    assert "this RabbitMQ has no exchange type 'x-delayed-message'" in told
    assert "rabbitmq/" in told


def test_newer_brokers_word_the_missing_type_otherwise() -> None:
    answer = "PRECONDITION_FAILED - invalid exchange type 'x-delayed-message'"

    assert "has no exchange type" in str(refusal("exchange 'delay'", answer))
