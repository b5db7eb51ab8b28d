"""Folders for servers that end with the session that started them, however it ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notifier.stack import Stack

_PREFIX = "notifier-test-stack-"


@contextmanager
def owned_folder() -> Iterator[Path]:
    """A path that does not exist yet; what runs in it at the end is killed, and all removed.

    A server there keeps its files, a pid file among them, in a folder of its own one level down.
    """
    _remove_orphans()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    with open(folder / "owner", "w") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        try:
            yield folder / "stack"
        finally:
            Stack(folder / "stack").wipe()
            shutil.rmtree(folder)


def _remove_orphans() -> None:
    """End the servers of sessions that were killed: their lock is free, so nobody owns them."""
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
