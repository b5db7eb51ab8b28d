"""The broker of the test stack, and a fresh exchange name for every test."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection
from yarl import URL

from notifier.stack import Stack
from tests.exchange.rig import Rig, build


@pytest.fixture
def amqp_url(stack: Stack) -> str:
    return stack.environment()["NOTIFIER_AMQP_URL"]


@pytest.fixture
async def connection(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    async with await aio_pika.connect(amqp_url) as connected:
        yield connected


@pytest.fixture
async def channel(connection: AbstractConnection) -> AbstractChannel:
    return await connection.channel()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """An exchange name of the test's own: the broker lives as long as the session."""
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    readable = re.sub(r"\W+", "-", request.node.name)[:40]
    return f"x.{readable}.{digest}"


@pytest.fixture
async def rig(channel: AbstractChannel, name: str) -> Rig:
    """A delayed exchange of type direct that is being consumed."""
    built = await build(channel, name)
    await built.consume()
    return built


@pytest.fixture
async def management(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """The management API, authenticated as administrator."""
    base = stack.environment()["NOTIFIER_AMQP_MANAGEMENT_URL"]
    async with httpx.AsyncClient(base_url=f"{base}/api", timeout=30) as client:
        yield client


@pytest.fixture
async def limited_url(
    amqp_url: str, management: httpx.AsyncClient, name: str
) -> AsyncIterator[str]:
    """A user who may write to the test's exchange and nothing else."""
    user = {"password": "limited", "tags": ""}
    rights = {"configure": "^$", "write": f"^{re.escape(name)}$", "read": "^$"}
    (await management.put("/users/limited", json=user)).raise_for_status()
    (await management.put("/permissions/notifier/limited", json=rights)).raise_for_status()
    yield str(URL(amqp_url).with_user("limited").with_password("limited"))
    (await management.delete("/users/limited")).raise_for_status()
