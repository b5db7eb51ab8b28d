from __future__ import annotations

import asyncio
from datetime import timedelta

import aio_pika
import pytest
from yarl import URL

from notifier.broker.connection import Link, Server, Setup, connect, open_connection
from notifier.broker.consumer import Consumer
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.publisher import Publisher
from notifier.broker.topology import Topology, apply
from notifier.errors import BrokerUnavailable, TopologyError
from tests.broker.cable import Cable
from tests.broker.messages import NOW, Inbox, message, until
from tests.contract.benches import delete_queues


@pytest.fixture
async def publisher(link: Link, topology: Topology) -> Publisher:
    return await Publisher.open(link, topology, ExchangeDelay(topology))


@pytest.fixture
async def frail_publisher(frail_link: Link, topology: Topology) -> Publisher:
    return await Publisher.open(
        frail_link, topology, ExchangeDelay(topology), confirm_within=timedelta(seconds=0.5)
    )


async def test_many_publishes_at_once_are_each_confirmed_and_all_there(
    publisher: Publisher, link: Link, topology: Topology
) -> None:
    async with asyncio.TaskGroup() as group:
        for seq in range(2000):
            group.create_task(publisher.publish(message(seq=seq), delay=NOW))

    inbox = Inbox()
    consumer = Consumer(link, topology.queue_of(1))
    await consumer.consume(inbox, prefetch=300)
    await inbox.holds(2000)
    assert sorted(inbox.seqs) == list(range(2000))
    await consumer.close()


async def test_a_message_is_persistent_and_its_id_is_never_used_twice(
    publisher: Publisher, server: Server, topology: Topology
) -> None:
    twice = message(seq=3)
    await publisher.publish_many([(twice, NOW), (twice, NOW)])

    async with await open_connection(server, name="test") as connection:
        queue = await (await connection.channel()).get_queue(topology.queue_of(1))
        first, second = await queue.get(no_ack=True), await queue.get(no_ack=True)

    assert first.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert first.message_id != second.message_id
    for published in (first, second):
        assert (published.message_id or "").startswith(f"{twice.notification_id}:3:")


async def test_without_a_dead_queue_the_remedy_is_named(
    publisher: Publisher, server: Server, topology: Topology
) -> None:
    await delete_queues(topology, server)

    with pytest.raises(TopologyError, match=r"\.dead' is missing; run `notifier topology apply`"):
        await publisher.publish_dead(b"x", {}, "no_row")


async def test_without_the_exchange_the_remedy_is_named_and_applying_it_mends(
    server: Server, names: Topology
) -> None:
    link = await connect(server, name="test")
    try:
        publisher = await Publisher.open(link, names, ExchangeDelay(names))
        with pytest.raises(BrokerUnavailable, match=r"no exchange.*run `notifier topology apply`"):
            await publisher.publish(message(), delay=NOW)

        await apply(names, server, ExchangeDelay(names))
        await until(lambda: link.is_up)
        await publisher.publish(message(), delay=NOW)
    finally:
        await link.close()
        await delete_queues(names, server)


async def test_while_the_server_is_away_a_publish_fails_at_once_and_works_again_later(
    cable: Cable, frail_link: Link, frail_publisher: Publisher
) -> None:
    cable.unplug()
    await until(lambda: not frail_link.is_up)

    with pytest.raises(BrokerUnavailable, match="not connected to RabbitMQ at"):
        await frail_publisher.publish(message(), delay=NOW)
    with pytest.raises(BrokerUnavailable, match="not connected to RabbitMQ at"):
        await frail_publisher.publish_dead(b"x", {}, "no_row")

    cable.plug()
    await until(lambda: frail_link.is_up)
    await frail_publisher.publish(message(), delay=NOW)
    await frail_publisher.publish_dead(b"x", {}, "no_row")


async def test_no_publish_waits_longer_than_allowed_for_its_confirm(
    cable: Cable, frail_publisher: Publisher
) -> None:
    loop = asyncio.get_running_loop()
    cable.stall()
    began_at = loop.time()

    answers = await asyncio.gather(
        *(frail_publisher.publish(message(), delay=NOW) for _ in range(20)), return_exceptions=True
    )

    assert {str(answer) for answer in answers} == {"RabbitMQ did not confirm within 0.5 s"}
    assert 0.5 <= loop.time() - began_at < 2
    cable.flow()
    await frail_publisher.publish(message(), delay=NOW)


async def test_what_was_under_way_when_the_network_failed_is_reported_as_unconfirmed(
    cable: Cable, frail_link: Link, topology: Topology
) -> None:
    patient = await Publisher.open(
        frail_link, topology, ExchangeDelay(topology), confirm_within=timedelta(seconds=60)
    )
    cable.stall()
    publishes = [
        asyncio.create_task(patient.publish(message(seq=seq), delay=NOW)) for seq in range(50)
    ]
    dead = asyncio.create_task(patient.publish_dead(b"x", {}, "no_row"))
    await asyncio.sleep(0)

    cable.unplug()

    answers = await asyncio.gather(*publishes, dead, return_exceptions=True)
    assert {type(answer) for answer in answers} == {BrokerUnavailable}


async def test_a_silent_network_is_noticed_by_the_heartbeat_and_cancels_nobody(
    server: Server, cable: Cable, topology: Topology
) -> None:
    url = str(URL(server.url).with_port(cable.port))
    link = await connect(Server(url=url, heartbeat=timedelta(seconds=1)), name="test")
    publisher = await Publisher.open(
        link, topology, ExchangeDelay(topology), confirm_within=timedelta(seconds=60)
    )
    cable.stall()
    waiting = [
        asyncio.create_task(publisher.publish(message(), delay=NOW)),
        asyncio.create_task(publisher.publish_dead(b"x", {}, "no_row")),
    ]

    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert {type(answer) for answer in answers} == {BrokerUnavailable}
    cable.flow()
    await until(lambda: link.is_up, within_s=20)
    await publisher.publish(message(), delay=NOW)
    await link.close()


async def test_closing_the_link_answers_everything_that_still_waits(
    server: Server, cable: Cable, topology: Topology
) -> None:
    url = str(URL(server.url).with_port(cable.port))
    link = await connect(Server(url=url, timeout=timedelta(seconds=1)), name="test")
    publisher = await Publisher.open(
        link, topology, ExchangeDelay(topology), confirm_within=timedelta(seconds=60)
    )
    cable.stall()
    publishes = [
        asyncio.create_task(publisher.publish(message(), delay=NOW)),
        asyncio.create_task(publisher.publish_dead(b"x", {}, "no_row")),
    ]
    await asyncio.sleep(0)

    await link.close()

    answers = await asyncio.gather(*publishes, return_exceptions=True)
    assert {type(answer) for answer in answers} == {BrokerUnavailable}


async def test_a_connection_whose_messages_are_refused_is_given_up_for_a_new_one(
    link: Link, server: Server, topology: Topology
) -> None:
    publisher = await Publisher.open(
        link, topology, ExchangeDelay(topology), renew_after=timedelta(0)
    )
    renewed = asyncio.Event()
    async with await open_connection(server, name="test") as connection:
        channel = await connection.channel()
        full = await channel.declare_queue(
            f"{topology.exchange}.full",
            exclusive=True,
            arguments={"x-max-length": 0, "x-overflow": "reject-publish"},
        )
        await full.bind(topology.exchange, topology.queue_of(1))
        await link.use(_once_more(renewed))
        with pytest.raises(BrokerUnavailable, match=r"basic\.nack"):
            await publisher.publish(message(), delay=NOW)
        async with asyncio.timeout(30):
            await renewed.wait()
    await publisher.publish(message(), delay=NOW)


def _once_more(event: asyncio.Event) -> Setup:
    """Sets the event at the second connection."""
    seen: list[object] = []

    async def setup(transport: object) -> None:
        seen.append(transport)
        if len(seen) > 1:
            event.set()

    return setup
