"""Tell the other hosts that this fleet is there; whoever keeps the word may be away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Protocol

import structlog

from notifier.errors import NotifierError, Unavailable
from notifier.fleet.status import FleetStatus, encode_status

LEAVE_S = 2.0

logger = structlog.get_logger(__name__)


class Presence(Protocol):
    """Keeps the last beat of each name for as long as the beat says. All raise Unavailable."""

    async def beat(self, name: str, body: bytes, *, lives: timedelta) -> None: ...

    async def leave(self, name: str) -> None: ...

    async def everybody(self) -> dict[str, bytes]: ...

    async def aclose(self) -> None: ...


@contextlib.asynccontextmanager
async def announced(
    read: Callable[[], FleetStatus], open_presence: Callable[[], Presence], *, heartbeat_s: float
) -> AsyncIterator[None]:
    """Beat while the body runs, and leave after it."""
    task = asyncio.create_task(_beat_on(read, open_presence, heartbeat_s))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=LEAVE_S)


async def _beat_on(
    read: Callable[[], FleetStatus], open_presence: Callable[[], Presence], heartbeat_s: float
) -> None:
    await asyncio.sleep(heartbeat_s)  # the processes start first, the driver's import can wait
    lives = timedelta(seconds=max(15.0, 10 * heartbeat_s))
    away = False
    try:
        opened = open_presence()
    except NotifierError as error:
        logger.error("presence_off", reason=str(error))
        return
    async with contextlib.aclosing(opened) as presence:
        try:
            while True:
                away = await _beat(presence, read(), lives, was_away=away)
                await asyncio.sleep(heartbeat_s)
        finally:
            with contextlib.suppress(Unavailable):
                status = read()
                await presence.leave(f"{status.host}/{status.name}")


async def _beat(
    presence: Presence, status: FleetStatus, lives: timedelta, *, was_away: bool
) -> bool:
    """Returns whether nobody could be told, and logs when that changes."""
    try:
        await presence.beat(f"{status.host}/{status.name}", encode_status(status), lives=lives)
    except Unavailable as error:
        if not was_away:
            logger.warning("presence_away", reason=str(error))
        return True
    if was_away:
        logger.info("presence_back")
    return False
