"""One sandbox for the session; each test begins as if it were started just now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from notifier.channels.wechat import WechatChannel
from tests.channels.rig import channel_for
from tests.sandbox.rig import Sandbox, running


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
