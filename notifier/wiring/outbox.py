"""The outbox: who empties it, and what an operator does with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from notifier.broker.mechanism import Mechanism
from notifier.broker.publisher import Publisher
from notifier.dispatch.intake import Intake
from notifier.dispatch.outbox import Relay
from notifier.dispatch.tally import Tally
from notifier.domain.outbox import submission_of_row
from notifier.settings import Settings
from notifier.store.accept import Acceptor
from notifier.store.mysql import Database
from notifier.store.outbox import Outbox
from notifier.store.outbox_rows import OutboxRows
from notifier.wiring.parts import ladders_of, offer_of, open_database, places_of


def relay_of(
    settings: Settings, database: Database, delay: Mechanism, publisher: Publisher, *, tally: Tally
) -> Relay:
    places = places_of(settings, delay)
    acceptor = Acceptor(database, ladders=ladders_of(settings), places=places)
    return Relay(
        Outbox(database, acceptor),
        Intake(acceptor, publisher),
        judge=partial(submission_of_row, offer=offer_of(settings)),
        poll=timedelta(seconds=settings.outbox.poll_s),
        tally=tally,
    )


@asynccontextmanager
async def open_outbox_rows(settings: Settings) -> AsyncIterator[OutboxRows]:
    async with open_database(settings) as database:
        yield OutboxRows(database)
