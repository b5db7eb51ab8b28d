"""What all tests share: real servers and a sandbox for the session, a schema for each module."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from notifier.stack import Stack
from notifier.store.mysql import Database, MysqlOptions
from tests.core import Core, own_schema
from tests.sandbox.rig import Sandbox, running

_PREFIX = "notifier-test-stack-"


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """RabbitMQ, MariaDB and Redis, up and empty; a test that stops a server starts it again."""
    _remove_orphans()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    throw_away = Stack(folder / "stack")
    with open(folder / "owner", "w") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        try:
            throw_away.up()
            yield throw_away
        finally:
            throw_away.wipe()
            shutil.rmtree(folder)


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


def _remove_orphans() -> None:
    """End the stacks of sessions that were killed: their lock is free, so nobody owns them."""
    for folder in Path(tempfile.gettempdir()).glob(_PREFIX + "*"):
        if folder.stat().st_uid != os.geteuid() or not (folder / "owner").exists():
            continue
        with open(folder / "owner") as owner:
            try:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            Stack(folder / "stack").wipe()
            shutil.rmtree(folder)
