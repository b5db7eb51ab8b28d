"""A schema of its own for each module, empty for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from notifier.stack import Stack
from notifier.store.mysql import Database, MysqlOptions
from tests.core import Core, own_schema
from tests.store.scene import Scene


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
def scene(core: Core) -> Scene:
    return Scene(core.database)
