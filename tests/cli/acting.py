"""A house's commands, run in this process for speed, and rows made as the fleet makes them."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from unittest.mock import patch
from uuid import UUID

from notifier.cli import main
from notifier.domain.outcome import Retry, Unknown
from notifier.wiring import parts
from tests.house import House
from tests.store.scene import Scene

Answer = TypeVar("Answer")
REFUSED = Retry(code="-1", detail="system busy")
LOST = Unknown(code="timeout", detail="no answer within 7 s")


@dataclass(frozen=True, slots=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def notifier(house: House, *arguments: str, text: str = "", **environment: str) -> Done:
    """Run a command; text: its standard input. environment: what is different from the house's."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, house.environment | environment, clear=True),
        patch.object(sys, "argv", ["notifier", *arguments]),
        patch.object(sys, "stdin", io.StringIO(text)),
        contextlib.chdir(house.folder),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return Done(int(code or 0), stdout.getvalue(), stderr.getvalue())


def act(house: House, do: Callable[[Scene], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with parts.open_database(house.settings) as database:
            return await do(Scene(database))

    return asyncio.run(run())


def dead_one(house: House, number: int = 1) -> UUID:
    """A designer's notification that was refused to the ladder's end."""

    async def do(scene: Scene) -> UUID:
        id_ = await scene.accept(number)
        await scene.attempt(id_, REFUSED, REFUSED, REFUSED)
        return id_

    return act(house, do)


def unknown_one(house: House, number: int = 1) -> UUID:
    async def do(scene: Scene) -> UUID:
        id_ = await scene.accept(number)
        await scene.attempt(id_, REFUSED, REFUSED, LOST)
        return id_

    return act(house, do)


def state_of(house: House, id_: UUID) -> str:
    rows = house.rows(f"SELECT state FROM notifier_notification WHERE id = 0x{id_.hex}")
    return str(rows[0][0])
