"""A RabbitMQ with our exchange type, names of one's own on it, and a cable to it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop
from yarl import URL

from notifier.broker.connection import Link, Server, connect
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.management import Management
from notifier.broker.topology import Topology, apply
from notifier.stack import Stack
from tests.broker.cable import HOST, Cable, cable_to
from tests.contract.benches import delete_queues


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the fleet runs on: another one reports broken connections in its own way."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def server(stack: Stack) -> Server:
    return Server(url=stack.environment()["NOTIFIER_AMQP_URL"])


@pytest.fixture(scope="session")
def management(stack: Stack, server: Server) -> Management:
    url = stack.environment()["NOTIFIER_AMQP_MANAGEMENT_URL"]
    return Management(url=url, vhost=server.vhost)


@pytest.fixture
def names() -> Topology:
    """Not applied."""
    name = f"test.{secrets.token_hex(4)}"
    return Topology(
        exchange=f"{name}.delay", queue_prefix=f"{name}.", tiers=(1, 3), dead_queue=f"{name}.dead"
    )


@pytest.fixture
async def topology(names: Topology, server: Server) -> AsyncIterator[Topology]:
    """Applied; its queues are deleted afterwards."""
    await apply(names, server, ExchangeDelay(names))
    yield names
    await delete_queues(names, server)


@pytest.fixture
async def link(server: Server) -> AsyncIterator[Link]:
    link = await connect(server, name="notifier test")
    yield link
    await link.close()


@pytest.fixture
async def cable(server: Server) -> AsyncIterator[Cable]:
    url = URL(server.url)
    assert url.host is not None
    assert url.port is not None
    async with cable_to(url.host, url.port) as cable:
        yield cable


@pytest.fixture
async def frail_link(server: Server, cable: Cable) -> AsyncIterator[Link]:
    """A link over the cable."""
    url = URL(server.url).with_host(HOST).with_port(cable.port)
    link = await connect(Server(url=str(url)), name="notifier test over a cable")
    yield link
    await link.close()
