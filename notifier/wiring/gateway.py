"""What a gateway keeps open, and the use cases on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from notifier.broker.connection import Link
from notifier.broker.mechanism import Mechanism
from notifier.broker.publisher import Publisher
from notifier.dispatch.intake import Intake
from notifier.domain.placement import Places
from notifier.settings import Settings
from notifier.store.accept import Acceptor
from notifier.store.api_keys import ApiKeys
from notifier.store.mysql import Database
from notifier.wiring.delay import chosen_delay, mending_of
from notifier.wiring.endpoints import addresses_of
from notifier.wiring.parts import ladders_of, open_database, open_publisher, places_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """For the whole life of the process; all of it may be used by many tasks at once."""

    database: Database
    delay: Mechanism
    publisher: Publisher
    places: Places
    acceptor: Acceptor
    intake: Intake
    api_keys: ApiKeys
    is_broker_up: Callable[[], bool]


@asynccontextmanager
async def open_tools(settings: Settings) -> AsyncIterator[Tools]:
    """Works without the broker too, as intake does.

    Raises SettingsError, StoreUnavailable; with the latter the supervisor starts it again later.
    """
    async with open_database(settings) as database:
        delay = await chosen_delay(settings, database)
        links: list[Link] = []
        mend = mending_of(settings, database, delay).keep

        async def keep(link: Link) -> None:
            links.append(link)
            await mend(link)

        async with open_publisher(settings, delay, "gateway", patient=True, keep=keep) as publisher:
            places = places_of(settings, delay)
            acceptor = Acceptor(database, ladders=ladders_of(settings), places=places)
            yield Tools(
                database=database,
                delay=delay,
                publisher=publisher,
                places=places,
                acceptor=acceptor,
                intake=Intake(acceptor, publisher, check=addresses_of(settings, database).check),
                api_keys=ApiKeys(database),
                is_broker_up=lambda: links[0].is_up,
            )
