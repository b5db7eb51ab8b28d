from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import aio_pika
import httpx
import pytest

from notifier.broker.connection import Link, Server, open_connection
from notifier.broker.consumer import Consumer
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.depth import Depths
from notifier.broker.inspection import Backlog, Inspector
from notifier.broker.management import Management
from notifier.broker.publisher import Publisher
from notifier.broker.topology import Topology
from notifier.errors import BrokerUnavailable
from tests.broker.messages import NOW, Inbox, message


@pytest.fixture
def inspector(link: Link, topology: Topology, management: Management) -> Inspector:
    return Inspector(link, topology, ExchangeDelay(topology), management=management)


@pytest.fixture
async def put_policy(
    management: Management, topology: Topology
) -> AsyncIterator[Callable[[dict[str, object]], None]]:
    """Somebody's policy on everything whose name begins like ours."""
    name = f"/api/policies/{management.vhost}/{topology.exchange}"
    with httpx.Client(base_url=management.url, trust_env=False) as http:

        def put(definition: dict[str, object]) -> None:
            pattern = f"^{topology.queue_prefix}"
            http.put(name, json={"pattern": pattern, "definition": definition}).raise_for_status()

        yield put
        http.delete(name).raise_for_status()


async def whats(inspector: Inspector) -> list[str]:
    return [problem.what for problem in await inspector.check()]


async def eventually(
    inspector: Inspector, holds: Callable[[Backlog], bool], *, within_s: float = 60
) -> Backlog:
    """The management API's counts are some seconds old."""
    async with asyncio.timeout(within_s):
        while not holds(backlog := await inspector.backlog()):
            await asyncio.sleep(0.2)
    return backlog


async def test_what_was_applied_has_no_problem(inspector: Inspector) -> None:
    assert await inspector.check() == []


async def test_nothing_applied_names_everything_that_is_missing(
    link: Link, names: Topology, management: Management
) -> None:
    problems = await Inspector(link, names, ExchangeDelay(names), management=management).check()

    assert [problem.what for problem in problems] == [
        f"exchange {names.exchange!r} is missing",
        f"queue {names.queue_of(1)!r} is missing",
        f"queue {names.queue_of(3)!r} is missing",
        f"queue {names.dead_queue!r} is missing",
    ]
    assert {problem.remedy for problem in problems} == {"run `notifier topology apply`"}


async def test_a_missing_binding_is_found(
    inspector: Inspector, server: Server, topology: Topology
) -> None:
    queue = topology.queue_of(3)
    async with await open_connection(server, name="test") as connection:
        channel = await connection.channel()
        await (await channel.get_queue(queue)).unbind(topology.exchange, routing_key=queue)

    assert await whats(inspector) == [
        f"queue {queue!r} is not bound to exchange {topology.exchange!r}"
    ]


async def test_an_exchange_of_another_type_is_found(
    link: Link, server: Server, names: Topology, management: Management
) -> None:
    async with await open_connection(server, name="test") as connection:
        channel = await connection.channel()
        await channel.declare_exchange(names.exchange, aio_pika.ExchangeType.DIRECT, durable=True)

    found = await whats(Inspector(link, names, ExchangeDelay(names), management=management))

    assert f"exchange {names.exchange!r}: type is direct, expected x-delayed-message" in found


async def test_a_policy_that_drops_messages_is_found(
    inspector: Inspector, topology: Topology, put_policy: Callable[[dict[str, object]], None]
) -> None:
    put_policy({"message-ttl": 5000, "max-length": 10})

    async with asyncio.timeout(20):
        while not (found := await whats(inspector)):
            await asyncio.sleep(0.2)

    assert any("sets message-ttl" in what for what in found)
    assert any("sets max-length" in what for what in found)


async def test_the_backlog_tells_ready_unacked_and_held(
    inspector: Inspector, link: Link, topology: Topology
) -> None:
    publisher = await Publisher.open(link, topology, ExchangeDelay(topology))
    await publisher.publish_many([(message(tier=3), NOW)] * 5)
    await publisher.publish_many([(message(tier=1), timedelta(minutes=5))] * 3)
    await publisher.publish_dead(b"x", {}, "no_row")
    consumer = Consumer(link, topology.queue_of(3))
    inbox = Inbox(acks=False)
    await consumer.consume(inbox, prefetch=2)
    await inbox.holds(2)

    backlog = await eventually(
        inspector, lambda seen: seen.held == 3 and seen.tiers[3].unacked == 2
    )

    assert backlog.tiers[3].ready == 3
    assert backlog.tiers[1].ready == 0
    assert backlog.dead.ready == 1


async def test_ready_counts_need_no_management_api(link: Link, topology: Topology) -> None:
    publisher = await Publisher.open(link, topology, ExchangeDelay(topology))
    await publisher.publish_many([(message(tier=3), NOW)] * 4)
    depths = await Depths.open(link, topology)

    async with asyncio.timeout(10):
        while (await depths.ready()) != {1: 0, 3: 4}:
            await asyncio.sleep(0.05)

    backlog = await Inspector(link, topology, ExchangeDelay(topology)).backlog()
    assert backlog.held is None
    assert backlog.tiers[3].unacked is None


async def test_a_management_api_that_refuses_us_is_named_without_the_password(
    link: Link, topology: Topology, management: Management
) -> None:
    url = httpx.URL(management.url).copy_with(password="wrong")
    stranger = Management(url=str(url), vhost=management.vhost)

    with pytest.raises(BrokerUnavailable, match=r"answers 401.*management_url") as raised:
        await Inspector(link, topology, ExchangeDelay(topology), management=stranger).check()

    assert "wrong" not in str(raised.value)
