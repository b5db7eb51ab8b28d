"""What all tests share: one throw-away stack of real servers for the session."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.stack import Stack

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
