"""Everything but a fleet, for a module; and its commands, run as a person runs them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from notifier.stack import Stack
from notifier.wiring import parts
from tests.core import Core
from tests.house import House, built
from tests.sandbox.rig import running


@pytest.fixture(scope="module")
def furnished(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with running(folder / "sandbox") as sandbox, built(stack, sandbox, folder) as house:
        house.environment["NOTIFIER_LADDER_DELAYS_S"] = "0,0.01,0.01"
        yield house


@pytest.fixture
def house(furnished: House) -> House:
    """With empty tables."""
    asyncio.run(_empty(furnished))
    return furnished


async def _empty(house: House) -> None:
    async with parts.open_database(house.settings) as database:
        await Core(database).empty()
