"""Channels that speak to the session's sandbox, on the loop of the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from notifier.channels.wechat import WechatChannel
from tests.channels.rig import channel_for
from tests.sandbox.rig import Sandbox


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the fleet runs on: another one reports broken connections in its own way."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def channel(sandbox: Sandbox) -> AsyncIterator[WechatChannel]:
    channel = channel_for(sandbox)
    yield channel
    await channel.close()
