"""What an operator looks through and acts with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from notifier.broker.connection import Link
from notifier.broker.dead_queue import DeadQueue
from notifier.broker.inspection import Inspector
from notifier.broker.management import Management
from notifier.broker.mechanism import Mechanism
from notifier.dispatch import forget as forgetting
from notifier.dispatch import intervene
from notifier.dispatch.explain import Explainer
from notifier.dispatch.intervene import Replay
from notifier.dispatch.reschedule import Reschedule
from notifier.domain.forgetting import Forgotten, Subject
from notifier.domain.intervention import Intervened
from notifier.settings import Settings
from notifier.store.accept import Acceptor
from notifier.store.audit import Auditor
from notifier.store.forgetting import Forgetting
from notifier.store.interventions import Interventions
from notifier.store.listing import Listing
from notifier.store.mysql import Database
from notifier.store.replays import Replays
from notifier.store.rescheduling import Rescheduling
from notifier.store.timelines import Timelines
from notifier.wiring.board import drop_board
from notifier.wiring.delay import chosen_delay, mechanism_of, recorded_choice
from notifier.wiring.legacy import sources_of
from notifier.wiring.parts import (
    ladders_of,
    mysql_options,
    open_database,
    open_publisher,
    order_books_of,
    places_of,
    server_of,
    topology_of,
)

AUDIT_S = 600.0
"""How long one statement of an audit may take."""


@asynccontextmanager
async def open_explainer(settings: Settings) -> AsyncIterator[Explainer]:
    async with open_database(settings) as database:
        yield Explainer(Timelines(database), ladders_of(settings))


@asynccontextmanager
async def open_auditor(settings: Settings) -> AsyncIterator[Auditor]:
    """Its statements look at every row, and have the time for it."""
    options = replace(mysql_options(settings), statement_timeout_s=AUDIT_S)
    database = Database(options)
    try:
        books, ladders = order_books_of(settings), ladders_of(settings)
        yield Auditor(database, books=books, ladders=ladders)
    finally:
        await database.close()


@asynccontextmanager
async def open_inspector(settings: Settings, delay: Mechanism) -> AsyncIterator[Inspector]:
    """Raises BrokerUnavailable."""
    server = server_of(settings)
    link = Link(server, name="notifier inspect")
    url = settings.amqp.management_url
    management = Management(url=url.get_secret_value(), vhost=server.vhost) if url else None
    try:
        await link.open()
        yield Inspector(link, topology_of(settings), delay, management=management)
    finally:
        await link.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTopology:
    """ready: messages ready by queue, None where it is missing. held: None where nobody knows."""

    mechanism: str
    why: str
    since: datetime
    version: str
    address: str
    held: int | None
    ready: Mapping[str, int | None]


async def shown_topology(settings: Settings) -> ShownTopology:
    """Raises SettingsError, BrokerUnavailable, StoreUnavailable, StoreError."""
    async with open_database(settings) as database:
        choice = await recorded_choice(database)
    delay = mechanism_of(settings, choice.mechanism)
    async with open_inspector(settings, delay) as inspector:
        return ShownTopology(
            mechanism=choice.mechanism,
            why=choice.why,
            since=choice.since,
            version=inspector.version,
            address=server_of(settings).address,
            held=await inspector.held(),
            ready=await inspector.ready(),
        )


@asynccontextmanager
async def open_listing(settings: Settings) -> AsyncIterator[Listing]:
    async with open_database(settings) as database:
        yield Listing(database)


@asynccontextmanager
async def open_replay(settings: Settings) -> AsyncIterator[Replay]:
    """Works without the broker too: the sweeper publishes what it did not take."""
    async with open_database(settings) as database:
        delay = await chosen_delay(settings, database)
        places, books = places_of(settings, delay), order_books_of(settings)
        acceptor = Acceptor(database, ladders=ladders_of(settings), places=places)
        replays = Replays(database, places=places, books=books)
        async with open_publisher(settings, delay, "replay", patient=True) as publisher:
            yield Replay(replays, publisher, hasten=acceptor.hasten)


@asynccontextmanager
async def open_reschedule(settings: Settings) -> AsyncIterator[Reschedule]:
    """Works without the broker too, as open_replay does."""
    async with open_database(settings) as database:
        delay = await chosen_delay(settings, database)
        places = places_of(settings, delay)
        acceptor = Acceptor(database, ladders=ladders_of(settings), places=places)
        store = Rescheduling(database, places=places)
        async with open_publisher(settings, delay, "reschedule", patient=True) as publisher:
            yield Reschedule(Listing(database), store, publisher, hasten=acceptor.hasten)


@asynccontextmanager
async def open_interventions(settings: Settings) -> AsyncIterator[Interventions]:
    async with open_database(settings) as database:
        yield Interventions(database)


async def cancel(settings: Settings, key: str, *, who: str) -> list[Intervened]:
    """See notifier.dispatch.intervene.cancel."""
    async with open_database(settings) as database:
        find, store = Listing(database), Interventions(database)
        return await intervene.cancel(key, find=find, store=store, who=who)


async def forget(
    settings: Settings, subject: Subject, *, looked: Callable[[Forgotten], None]
) -> Forgotten:
    """See notifier.dispatch.forget."""
    sources = sources_of(settings).values() if settings.intake.enabled else ()
    async with AsyncExitStack() as stack:
        for source in sources:
            await stack.enter_async_context(aclosing(source))
        database = await stack.enter_async_context(open_database(settings))
        found = await forgetting.forget(
            subject, Forgetting(database), sources=sources, looked=looked
        )
    await drop_board(settings)
    return found


@asynccontextmanager
async def open_dead_queue(settings: Settings) -> AsyncIterator[DeadQueue]:
    """Raises BrokerUnavailable."""
    link = Link(server_of(settings), name="notifier dlq")
    try:
        await link.open()
        yield DeadQueue(link, settings.amqp.dead_queue)
    finally:
        await link.close()
