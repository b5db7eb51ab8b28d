"""What makes and shows the keys of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notifier.settings import Settings
from notifier.store.api_keys import ApiKeys
from notifier.wiring.parts import open_database


@asynccontextmanager
async def open_api_keys(settings: Settings) -> AsyncIterator[ApiKeys]:
    async with open_database(settings) as database:
        yield ApiKeys(database)
