"""Trying again what WeChat took and then said that it could not deliver."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from notifier.dispatch.failpoint import pass_by
from notifier.errors import StoreError, StoreUnavailable

log = structlog.get_logger(__name__)

LOOK_S = 1.0


class Acted(Protocol):
    @property
    def count(self) -> int: ...
    @property
    def after(self) -> str: ...
    @property
    def more(self) -> bool: ...


class ReceiptStore(Protocol):
    async def act(self, after: str = "") -> Acted: ...


class Resending:
    """It looks at what is on record, so a process that dies after a receipt costs nothing; and a
    receipt may well come before its attempt is on record.
    """

    def __init__(self, store: ReceiptStore) -> None:
        self._store = store

    async def run(self) -> None:
        """Until cancelled; a database that is away, or refuses, is asked again."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("resending.waiting", error=str(error))
            except StoreError as error:
                log.error("resending.refused", error=str(error))
            await asyncio.sleep(LOOK_S)

    async def look(self) -> int:
        """How many are tried again. Raises StoreUnavailable, StoreError."""
        after, count, more = "", 0, True
        while more:
            acted = await self._store.act(after)
            after, more = acted.after, acted.more
            count += acted.count
            if acted.count:
                pass_by("resend_committed")
        if count:
            log.info("resending.undelivered", count=count)
        return count
