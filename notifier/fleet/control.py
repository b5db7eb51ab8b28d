"""The supervisor's control socket: one JSON line asks, one JSON line answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import structlog

from notifier.errors import NotifierError
from notifier.fleet.supervisor import Supervisor

LINE_BYTES = 65536
ANSWER_S = 2.0
"""How long the end waits for its last answers to be read."""

logger = structlog.get_logger(__name__)

Answer = dict[str, Any]


def socket_path(run_dir: Path, fleet: str) -> Path:
    return run_dir / f"fleet-{fleet}.sock"


@contextlib.asynccontextmanager
async def controlled(
    supervisor: Supervisor, path: Path, *, release: Callable[[], None]
) -> AsyncIterator[None]:
    """Listen on `path` while the body runs; only the holder of the fleet's lock may.

    release: called after the body and before `stop` is answered, so that who stopped a fleet
    can start the next one.
    """
    control = _Control(supervisor)
    _remove(path)  # of a supervisor that was killed; we hold the lock
    server = await _listen(control.serve, path)
    try:
        yield
    except NotifierError as error:
        control.reason = str(error)
        raise
    finally:
        server.close()
        _remove(path)
        release()
        await control.finish()


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _listen(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], path: Path
) -> asyncio.Server:
    try:
        server = await asyncio.start_unix_server(serve, path, limit=LINE_BYTES)
        os.chmod(path, 0o600)
    except OSError as error:
        raise NotifierError(
            f"control socket {path}: {error}; set NOTIFIER_FLEET_RUN_DIR to another folder"
        ) from error
    return server


class _Control:
    def __init__(self, supervisor: Supervisor) -> None:
        self.reason = ""
        self._supervisor = supervisor
        self._finished = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        self._verbs: dict[str, Callable[[Answer], Awaitable[Answer]]] = {
            "status": self._status,
            "reload": self._reload,
            "stop": self._stop,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        try:
            writer.write(orjson.dumps(await self._answer(reader)) + b"\n")
            await writer.drain()
        except ConnectionError:
            logger.info("control_answer_unread")
        finally:
            writer.close()

    async def finish(self) -> None:
        self._finished.set()
        if self._open:
            await asyncio.wait(self._open, timeout=ANSWER_S)

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        try:
            question = orjson.loads(await reader.readline())
            verb = self._verbs[question["do"]]
        except (ValueError, KeyError, TypeError):
            known = ", ".join(self._verbs)
            return {"ok": False, "error": f'ask with a line {{"do": VERB}}, VERB one of {known}'}
        try:
            return {"ok": True, **await verb(question)}
        except NotifierError as error:
            return {"ok": False, "error": str(error)}

    async def _status(self, _question: Answer) -> Answer:
        return {"status": self._supervisor.status().to_document()}

    async def _reload(self, _question: Answer) -> Answer:
        return {"replaced": await self._supervisor.reload()}

    async def _stop(self, question: Answer) -> Answer:
        self._supervisor.stop(now=question.get("now") is True)
        await self._finished.wait()
        return {"reason": self.reason}
