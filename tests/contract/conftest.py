"""Which implementations the delay contract runs against.

NOTIFIER_CONTRACT_AMQP_URL points it at any other broker. The cases "exchange" need an exchange
type x-delayed-message there (`-k "not exchange"` leaves them out). It leaves the exchange
`notifier.contract` and those whose names begin with `notifier.contract.`; its queues it deletes.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import uvloop

from notifier.broker.connection import Server
from notifier.broker.mechanism import Mechanism
from notifier.broker.topology import Topology
from notifier.wiring.delay import MECHANISMS
from tests.contract.benches import Bench, BrokerBench, MemoryBench


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the fleet runs on: another one reports broken connections in its own way."""
    return {"uvloop": uvloop.new_event_loop}


OF_OLDER_PROGRAMS = "exchange, topic, classic"


@pytest.fixture(params=["in memory", "exchange", OF_OLDER_PROGRAMS, "queues"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    name = f"notifier.contract.{secrets.token_hex(4)}"
    topology = Topology(
        exchange="notifier.contract",
        queue_prefix=f"{name}.",
        tiers=(1, 3),
        dead_queue=f"{name}.dead",
    )
    if request.param == "in memory":
        yield MemoryBench(topology)
        return
    if request.param == OF_OLDER_PROGRAMS:
        topology = replace(
            topology,
            exchange="notifier.contract.topic",
            delayed_type="topic",
            queue_type="classic",
        )
    delay: Mechanism = MECHANISMS[request.param.partition(",")[0]](topology)
    async with BrokerBench(topology, _server(request), delay) as on_broker:
        yield on_broker


def _server(request: pytest.FixtureRequest) -> Server:
    url = os.environ.get("NOTIFIER_CONTRACT_AMQP_URL")
    if url:
        return Server(url=url, plain_allowed=True)
    stack = request.getfixturevalue("stack")
    return Server(url=stack.environment()["NOTIFIER_AMQP_URL"])
