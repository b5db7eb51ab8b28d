"""The effects file: JSON lines that are on disk before their answers leave."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from notifier.sandbox.options import SandboxError

# Rows that come this soon after a write wait for company: a thread and a disk cost more than a row.
_GATHERING_S = 0.004


class EffectJournal:
    """Appends rows to a file of its own; one write and one fdatasync for all that wait.

    The file is locked: a second sandbox in the same folder is refused.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file and cut off a torn last line, which was never answered.

        Raises: SandboxError if another process has it.
        """
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._fd)
            raise SandboxError(f"sandbox: {path.parent} is in use by another sandbox") from error
        content = path.read_bytes()
        os.ftruncate(self._fd, content.rfind(b"\n") + 1)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._wanted = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "effects")

    async def append(self, row: Mapping[str, Any]) -> None:
        """Return when the row is on disk; rows get there in the order of the calls."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE), done))
        self._wanted.set()
        await done

    async def write_until_cancelled(self) -> None:
        """Do the writing. Raises: OSError when the disk refuses, which must stop the sandbox."""
        loop = asyncio.get_running_loop()
        written_at = loop.time()
        while True:
            await self._wanted.wait()
            if (pause_s := written_at + _GATHERING_S - loop.time()) > 0:
                await asyncio.sleep(pause_s)
            self._wanted.clear()
            batch, self._waiting = self._waiting, []
            lines = b"".join(line for line, _ in batch)
            await loop.run_in_executor(self._thread, self._write, lines)
            written_at = loop.time()
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    async def forget(self) -> None:
        """Empty the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._empty)

    def close(self) -> None:
        """Finish the write under way and release the file. Blocks for that long."""
        self._thread.shutdown(wait=True)
        os.close(self._fd)

    def _write(self, lines: bytes) -> None:
        while lines:
            lines = lines[os.write(self._fd, lines) :]
        os.fdatasync(self._fd)

    def _empty(self) -> None:
        os.ftruncate(self._fd, 0)
        os.fdatasync(self._fd)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of an effects file, also of a sandbox that is dead or still writing. Blocks.

    `kind` is `wechat` or `webhook` for an effect, `repeat` or `webhook_repeat` for a call that had
    none because of its id. A torn last line is left out.
    """
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield orjson.loads(line)
