"""Retention: what ended long ago goes, a little at a time."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from notifier.errors import StoreError, StoreUnavailable

log = structlog.get_logger(__name__)

BETWEEN_CHUNKS_S = 0.25
"""Deleting is never in a hurry, and attempts are."""
BETWEEN_PASSES_S = 600.0


class Purged(Protocol):
    @property
    def count(self) -> int: ...
    @property
    def after(self) -> bytes: ...
    @property
    def more(self) -> bool: ...


class RetentionStore(Protocol):
    async def purge(self, after: bytes = b"") -> Purged: ...


class Retention:
    def __init__(self, store: RetentionStore) -> None:
        self._store = store

    async def run(self) -> None:
        """Until cancelled; a database that is away, or refuses, is tried again with the next pass.

        A user without the right to delete must not cost the calendar, whose process this shares.
        """
        while True:
            try:
                await self.sweep()
            except StoreUnavailable as error:
                log.warning("retention.waiting", error=str(error))
            except StoreError as error:
                log.error("retention.refused", error=str(error))
            await asyncio.sleep(BETWEEN_PASSES_S)

    async def sweep(self) -> int:
        """One pass over everything that is old enough; how much went. Raises StoreUnavailable."""
        after, count, more = b"", 0, True
        while more:
            purged = await self._store.purge(after)
            after, more = purged.after, purged.more
            count += purged.count
            await asyncio.sleep(BETWEEN_CHUNKS_S if more else 0)
        if count:
            log.info("retention.purged", count=count)
        return count
