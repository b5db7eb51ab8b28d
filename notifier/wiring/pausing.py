"""What rests, and what is behind, as an operator sees and changes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from notifier.dispatch.checkup import Seen
from notifier.dispatch.pausing import Pausing
from notifier.domain.pause import Pause, in_words
from notifier.settings import Settings
from notifier.store.endpoints import Endpoints
from notifier.store.outbox_rows import Backlog, OutboxRows
from notifier.store.pauses import MysqlPauses
from notifier.wiring.parts import open_database, seal_of


@asynccontextmanager
async def open_pausing(settings: Settings) -> AsyncIterator[Pausing]:
    """Raises SettingsError for a bad key."""
    async with open_database(settings) as database:
        yield Pausing(MysqlPauses(database), Endpoints(database, seal_of(settings)))


async def look_at_pauses(settings: Settings) -> Seen:
    """No fault: somebody wanted each of them, or a channel's own look says what is wrong."""
    async with open_database(settings) as database:
        pauses = await MysqlPauses(database).all()
    return Seen(facts=[in_words(pause) for pause in pauses] or ["nothing rests"])


async def standing(settings: Settings) -> tuple[Sequence[Pause], Backlog]:
    """What rests, and what waits in the outbox. Raises StoreUnavailable, StoreError."""
    async with open_database(settings) as database:
        return await MysqlPauses(database).all(), await OutboxRows(database).backlog()
