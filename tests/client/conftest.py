"""Everything but a fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from notifier.stack import Stack
from notifier.wiring import parts
from tests.core import Core
from tests.house import House, built
from tests.sandbox.rig import Sandbox


@pytest.fixture(scope="module")
def furnished(
    stack: Stack, shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with built(stack, shared_sandbox, tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def house(furnished: House) -> House:
    """With empty tables."""
    asyncio.run(_empty(furnished))
    return furnished


async def _empty(house: House) -> None:
    async with parts.open_database(house.settings) as database:
        await Core(database).empty()
