"""A schema per module, empty at the start of each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from notifier.stack import Stack
from notifier.store.mysql import Database, MysqlOptions
from tests.core import Core, own_schema
from tests.dispatch.floor import Floor, Process


@pytest.fixture(scope="module")
def schema(stack: Stack) -> Iterator[MysqlOptions]:
    with own_schema(stack) as options:
        yield options


@pytest.fixture
async def core(schema: MysqlOptions) -> AsyncIterator[Core]:
    database = Database(schema)
    core = Core(database)
    await core.empty()
    yield core
    await database.close()


@pytest.fixture
async def floor(core: Core) -> Floor:
    return Floor(core)


@pytest.fixture
def process(floor: Floor) -> Process:
    return floor.process()
