from __future__ import annotations

import asyncio

import pytest

from notifier.broker import codec
from notifier.broker.connection import Link, Server, connect, open_connection
from notifier.broker.consumer import Consumer
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.delivery import Delivery
from notifier.broker.publisher import Publisher
from notifier.broker.topology import Topology, apply
from notifier.errors import TopologyError
from tests.broker.cable import Cable
from tests.broker.messages import NOW, Inbox, message, until


@pytest.fixture
async def publisher(link: Link, topology: Topology) -> Publisher:
    return await Publisher.open(link, topology, ExchangeDelay(topology))


async def test_after_the_network_failed_what_was_unacked_comes_again_and_old_acks_are_harmless(
    cable: Cable, frail_link: Link, publisher: Publisher, topology: Topology
) -> None:
    consumer = Consumer(frail_link, topology.queue_of(1))
    inbox = Inbox(acks=False)
    await consumer.consume(inbox, prefetch=10)
    await publisher.publish_many([(message(seq=seq), NOW) for seq in range(3)])
    before = list(await inbox.holds(3))

    cable.unplug()
    await until(lambda: not frail_link.is_up)
    cable.plug()

    again = (await inbox.holds(6))[3:]
    for delivery in before:
        delivery.ack()
    assert sorted(codec.decode(delivery.body).seq for delivery in again) == [0, 1, 2]
    assert all(delivery.redelivered for delivery in again)
    for delivery in again:
        delivery.ack()
    await publisher.publish(message(seq=9), delay=NOW)
    await inbox.holds(7)
    assert inbox.seqs[-1] == 9
    assert frail_link.is_up


async def test_a_reconnect_cancels_no_handler(
    cable: Cable, frail_link: Link, publisher: Publisher, topology: Topology
) -> None:
    consumer = Consumer(frail_link, topology.queue_of(1))
    finished: list[int] = []
    go_on = asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        await go_on.wait()
        delivery.ack()
        finished.append(codec.decode(delivery.body).seq)

    await consumer.consume(handle, prefetch=10)
    await publisher.publish(message(seq=5), delay=NOW)
    await until(lambda: consumer.in_flight == 1)
    cable.unplug()
    await until(lambda: not frail_link.is_up)
    cable.plug()
    await until(lambda: consumer.in_flight == 2)
    go_on.set()

    await consumer.idle()
    assert finished == [5, 5]


async def test_a_consumer_that_stopped_does_not_begin_again_after_a_reconnect(
    cable: Cable, frail_link: Link, link: Link, publisher: Publisher, topology: Topology
) -> None:
    stopped = Consumer(frail_link, topology.queue_of(1))
    nothing = Inbox()
    await stopped.consume(nothing, prefetch=10)
    await stopped.stop_taking()

    cable.unplug()
    await until(lambda: not frail_link.is_up)
    cable.plug()
    await until(lambda: frail_link.is_up)
    await publisher.publish(message(seq=1), delay=NOW)

    other = Inbox()
    await Consumer(link, topology.queue_of(1)).consume(other, prefetch=10)
    await other.holds(1)
    assert nothing.seqs == []


async def test_a_consumer_that_the_broker_cancelled_begins_again(
    server: Server, publisher: Publisher, topology: Topology
) -> None:
    consuming = await connect(server, name="test")
    queue = topology.queue_of(1)
    inbox = Inbox()
    await Consumer(consuming, queue).consume(inbox, prefetch=10)

    async with await open_connection(server, name="test") as connection:
        await (await connection.channel()).queue_delete(queue)
    await until(lambda: not consuming.is_up)
    await apply(topology, server, ExchangeDelay(topology))
    await publisher.publish(message(seq=8), delay=NOW)

    await inbox.holds(1)
    assert inbox.seqs == [8]
    await consuming.close()


async def test_a_missing_queue_is_named_with_its_remedy(server: Server, names: Topology) -> None:
    link = await connect(server, name="test")
    try:
        consumer = Consumer(link, names.queue_of(1))
        with pytest.raises(TopologyError, match=r"\.1' is missing; run `notifier topology apply`"):
            await consumer.consume(Inbox(), prefetch=10)
    finally:
        await link.close()


async def test_closing_sends_the_acks_and_gives_back_what_still_runs(
    link: Link, publisher: Publisher, topology: Topology
) -> None:
    consumer = Consumer(link, topology.queue_of(1))
    cancelled: list[int] = []

    async def handle(delivery: Delivery) -> None:
        seq = codec.decode(delivery.body).seq
        if seq == 0:
            delivery.ack()
            return
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(seq)
            raise

    await consumer.consume(handle, prefetch=10)
    await publisher.publish_many([(message(seq=seq), NOW) for seq in range(2)])
    await until(lambda: consumer.in_flight == 1)
    await consumer.close()

    again = Inbox()
    await Consumer(link, topology.queue_of(1)).consume(again, prefetch=10)
    await again.holds(1)
    assert cancelled == [1]
    assert again.seqs == [1]
