"""Hand back what dead processes had claimed, so that nobody waits for their leases to run out."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from notifier.errors import NotifierError

WAITS_S = (0.0, 1.0, 5.0)
"""Before each try. After the last one the leases run out by themselves, and the sweeper comes."""
TRY_S = 20.0

logger = structlog.get_logger(__name__)

ReleaseLeases = Callable[[Sequence[str]], Awaitable[None]]
"""Gets worker ids. Raises NotifierError."""


class LeaseReturn:
    """Gives back the leases of all who died in the meantime at once; failures go no further."""

    def __init__(self, release: ReleaseLeases) -> None:
        self._release = release
        self._waiting: list[str] = []
        self._task: asyncio.Task[None] | None = None

    def give_back(self, worker_id: str) -> None:
        self._waiting.append(worker_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def finish(self, *, within_s: float) -> None:
        """Wait until all is given back, or the time is over."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=within_s)

    async def _work(self) -> None:
        while self._waiting:
            worker_ids, self._waiting = self._waiting, []
            await self._try(worker_ids)

    async def _try(self, worker_ids: Sequence[str]) -> None:
        for wait_s in WAITS_S:
            await asyncio.sleep(wait_s)
            try:
                async with asyncio.timeout(TRY_S):
                    await self._release(worker_ids)
            except (NotifierError, OSError) as error:
                logger.warning("leases_not_released", worker_ids=worker_ids, reason=repr(error))
            else:
                logger.info("leases_released", worker_ids=worker_ids)
                return


def release_in_own_process(environment: Mapping[str, str]) -> ReleaseLeases:
    """The drivers and the newest code are loaded there, so the supervisor stays small and alive."""

    async def release(worker_ids: Sequence[str]) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "notifier.fleet.release",
            *worker_ids,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            lines = errors.decode(errors="replace").splitlines() or ["no reason given"]
            raise NotifierError(lines[-1])

    return release
