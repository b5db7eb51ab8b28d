"""One sandbox for the session; each test begins as if it were started just now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import uvloop

from notifier.channels.wechat import WechatChannel
from tests.channels.rig import channel_for
from tests.sandbox.rig import Sandbox, running


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the fleet runs on: another one reports broken connections in its own way."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    shared_sandbox.control.reset()
    return shared_sandbox


@pytest.fixture
async def channel(sandbox: Sandbox) -> AsyncIterator[WechatChannel]:
    channel = channel_for(sandbox)
    yield channel
    await channel.close()
