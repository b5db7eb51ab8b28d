"""The board of what is due next."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from notifier.dispatch.board import BoardView
from notifier.errors import StoreUnavailable
from notifier.settings import Settings
from notifier.store.board import NextDue, RedisBoard
from notifier.wiring.parts import open_database


@asynccontextmanager
async def open_board(settings: Settings) -> AsyncIterator[BoardView]:
    async with open_database(settings) as database, _open_kept(settings) as kept:
        yield BoardView(kept, NextDue(database))


async def drop_board(settings: Settings) -> None:
    """What is kept of it goes now; the next to look brings a new one."""
    async with _open_kept(settings) as kept:
        # Redis lets it go by itself, seconds later.
        with suppress(StoreUnavailable):
            await kept.drop()


@asynccontextmanager
async def _open_kept(settings: Settings) -> AsyncIterator[RedisBoard]:
    kept = RedisBoard(settings.redis.url.get_secret_value(), prefix=settings.redis.prefix)
    try:
        yield kept
    finally:
        await kept.close()
