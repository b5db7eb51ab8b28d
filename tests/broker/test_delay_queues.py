"""Hold queues: what the contract does not see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from notifier.broker.connection import Link, Server, connect, open_connection
from notifier.broker.consumer import Consumer
from notifier.broker.delay_queues import QueuesDelay
from notifier.broker.inspection import Inspector
from notifier.broker.management import Management
from notifier.broker.mending import Mending
from notifier.broker.publisher import Publisher
from notifier.broker.topology import Topology, apply
from notifier.errors import BrokerUnavailable, TopologyError
from tests.broker.messages import Inbox, message, until
from tests.contract.benches import delete_queues

SECOND = timedelta(seconds=1)


@pytest.fixture
async def topology(names: Topology, server: Server) -> AsyncIterator[Topology]:
    await apply(names, server, QueuesDelay(names))
    yield names
    await delete_queues(names, server)


@pytest.fixture
def inspector(link: Link, topology: Topology, management: Management) -> Inspector:
    return Inspector(link, topology, QueuesDelay(topology), management=management)


async def delete(server: Server, queue: str) -> None:
    async with await open_connection(server, name="test") as connection:
        await (await connection.channel()).queue_delete(queue)


async def test_a_message_without_its_hold_queue_is_not_confirmed_and_applying_mends(
    server: Server, topology: Topology
) -> None:
    """The broker would drop it and confirm."""
    delay = QueuesDelay(topology)
    link = await connect(server, name="test")
    try:
        publisher = await Publisher.open(link, topology, delay)
        await delete(server, topology.hold_queue_of(3))

        with pytest.raises(BrokerUnavailable, match=r"hold\.3' is missing; run `notifier topology"):
            await publisher.publish(message(tier=3), delay=3 * SECOND)

        await apply(topology, server, delay)
        await until(lambda: link.is_up)
        await publisher.publish(message(tier=3), delay=3 * SECOND)
        assert await Inspector(link, topology, delay).held() == 1
    finally:
        await link.close()


def mending_of(topology: Topology, server: Server) -> Mending:
    delay = QueuesDelay(topology)
    return Mending(topology, delay, declare=lambda: apply(topology, server, delay))


async def test_a_fleet_is_refused_where_a_hold_queue_is_missing(
    server: Server, link: Link, topology: Topology
) -> None:
    mending = mending_of(topology, server)
    await mending.keep(link)
    await delete(server, topology.hold_queue_of(1))

    with pytest.raises(TopologyError, match=r"'queues' is recorded.*hold\.1' is missing; run"):
        await mending.keep(link)


async def test_a_fleet_that_runs_declares_again_what_was_deleted(
    server: Server, topology: Topology
) -> None:
    link = await connect(server, name="test")
    try:
        await mending_of(topology, server).keep(link)
        publisher = await Publisher.open(link, topology, QueuesDelay(topology))
        for queue in (topology.hold_queue_of(1), topology.queue_of(1), topology.dead_queue):
            await delete(server, queue)

        with pytest.raises(BrokerUnavailable, match="is missing"):
            await publisher.publish(message(tier=1), delay=SECOND)

        await until(lambda: link.is_up)
        inbox = Inbox()
        await publisher.publish(message(tier=1), delay=SECOND)
        consumer = Consumer(link, topology.queue_of(1))
        await consumer.consume(inbox, prefetch=1)
        await inbox.holds(1)
    finally:
        await link.close()


async def test_what_was_applied_has_no_problem(inspector: Inspector) -> None:
    assert await inspector.check() == []


async def test_nothing_applied_names_everything_that_is_missing(
    link: Link, names: Topology, management: Management
) -> None:
    problems = await Inspector(link, names, QueuesDelay(names), management=management).check()

    assert [problem.what for problem in problems] == [
        f"exchange {names.direct_exchange!r} is missing",
        f"queue {names.hold_queue_of(1)!r} is missing",
        f"queue {names.hold_queue_of(3)!r} is missing",
        f"queue {names.queue_of(1)!r} is missing",
        f"queue {names.queue_of(3)!r} is missing",
        f"queue {names.dead_queue!r} is missing",
    ]


async def test_a_hold_queue_that_somebody_declared_otherwise_is_refused_and_found(
    server: Server, names: Topology, link: Link, management: Management
) -> None:
    name = names.hold_queue_of(3)
    async with await open_connection(server, name="test") as connection:
        channel = await connection.channel()
        await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
    delay = QueuesDelay(names)

    with pytest.raises(TopologyError, match=r"hold\.3': its .* is not set, expected"):
        await apply(names, server, delay)

    problems = await Inspector(link, names, delay, management=management).check()
    assert f"queue {name!r}: x-message-ttl is None, expected 3000" in [p.what for p in problems]
    await delete_queues(names, server)


async def test_tiers_queues_may_be_classic_and_hold_queues_are_quorum(
    server: Server, names: Topology
) -> None:
    classic = Topology(
        exchange=names.exchange,
        queue_prefix=names.queue_prefix,
        tiers=(1,),
        dead_queue=names.dead_queue,
        queue_type="classic",
    )
    delay = QueuesDelay(classic)
    await apply(classic, server, delay)
    link = await connect(server, name="test")
    publisher = await Publisher.open(link, classic, delay)
    await publisher.publish_many([(message(), SECOND)] * 100)

    inbox = Inbox()
    await Consumer(link, classic.queue_of(1)).consume(inbox, prefetch=100)
    await inbox.holds(100)
    await link.close()
    await delete_queues(classic, server)
