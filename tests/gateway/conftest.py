"""One gateway for each module, with a house of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from notifier.stack import Stack
from tests.gateway.running import RunningGateway, started
from tests.house import House, built
from tests.sandbox.rig import Sandbox


@pytest.fixture(scope="module")
def house(
    stack: Stack, shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with built(stack, shared_sandbox, tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def gateway(house: House) -> Iterator[RunningGateway]:
    with started(house) as gateway:
        yield gateway
