"""The generator's own notes of what was accepted: on disk before it goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from notifier.errors import InvalidInput
from notifier.loadtest.judge import Promise


class IdsFile:
    """A new file of JSON lines, each a Promise."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidInput where it cannot be made."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise InvalidInput("folder", f"cannot write {path}: {error.strerror}") from None
        self._thread = ThreadPoolExecutor(1, "accepted ids")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=True)
        os.close(self._fd)

    async def append(self, promises: Sequence[Promise]) -> None:
        """Return when they are on disk."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, promises)

    def _write(self, promises: Sequence[Promise]) -> None:
        lines = b"".join(orjson.dumps(asdict(each)) + b"\n" for each in promises)
        while lines:
            lines = lines[os.write(self._fd, lines) :]
        os.fsync(self._fd)


def read_promises(path: Path) -> Iterator[Promise]:
    with path.open("rb") as lines:
        for line in lines:
            promise = orjson.loads(line)
            yield Promise(**{**promise, "whom": tuple(promise["whom"])})
