"""What all tests share: real servers and a sandbox for the session, a schema for each module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog

from notifier.stack import Stack
from notifier.store.mysql import Database, MysqlOptions
from tests.core import Core, own_schema
from tests.folders import owned_folder
from tests.sandbox.rig import Sandbox, running


@pytest.fixture(autouse=True)
def _logs_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A logger that keeps the settings of its first use would keep them for all tests after it."""
    configure = structlog.configure

    def forgetful(**options: Any) -> None:
        configure(**options | {"cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", forgetful)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """RabbitMQ, MariaDB and Redis, up and empty; a test that stops a server starts it again."""
    with owned_folder() as folder:
        throw_away = Stack(folder)
        throw_away.up()
        yield throw_away


@pytest.fixture(scope="module")
def schema(stack: Stack) -> Iterator[MysqlOptions]:
    with own_schema(stack) as options:
        yield options


@pytest.fixture
async def core(schema: MysqlOptions) -> AsyncIterator[Core]:
    """The store on the module's schema, empty."""
    database = Database(schema)
    core = Core(database)
    await core.empty()
    yield core
    await database.close()


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A process that serves the whole session."""
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """The same, as if it were started just now."""
    shared_sandbox.control.reset()
    return shared_sandbox
