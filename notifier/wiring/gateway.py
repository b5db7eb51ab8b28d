"""What a gateway keeps open, and the use cases on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from notifier.broker.connection import Link
from notifier.broker.publisher import Publisher
from notifier.dispatch.counter import Counter, Faults
from notifier.dispatch.endpoints import Registry
from notifier.dispatch.explain import Explainer
from notifier.dispatch.intake import Intake
from notifier.dispatch.intervene import Replay
from notifier.dispatch.ordering import OrderReader
from notifier.dispatch.pausing import Pausing
from notifier.dispatch.reschedule import Reschedule
from notifier.domain.notice import Offer
from notifier.domain.notification import State
from notifier.domain.pause import Pause
from notifier.domain.placement import Places
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput
from notifier.settings import Settings
from notifier.store.accept import Acceptor
from notifier.store.api_keys import ApiKeys
from notifier.store.earlier import conflicts
from notifier.store.endpoints import Endpoints
from notifier.store.interventions import Interventions
from notifier.store.listing import Listing
from notifier.store.mysql import Database
from notifier.store.outbox_rows import Backlog, OutboxRows
from notifier.store.pauses import MysqlPauses
from notifier.store.receipts import Receipts
from notifier.store.replays import Replays
from notifier.store.rescheduling import Rescheduling
from notifier.store.standing_counts import counts_by_state
from notifier.store.timelines import Timelines
from notifier.wiring.delay import chosen_delay, mending_of
from notifier.wiring.endpoints import addresses_of, registry_on
from notifier.wiring.entry import order_reader_of
from notifier.wiring.fleet import queue_depths
from notifier.wiring.parts import (
    ladders_of,
    offer_of,
    open_database,
    open_publisher,
    order_books_of,
    places_of,
    rule_book_of,
    seal_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What an operator looks through and acts with."""

    explainer: Explainer
    listing: Listing
    interventions: Interventions
    replay: Replay
    reschedule: Reschedule
    registry: Registry
    pausing: Pausing


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """For the whole life of the process; all of it may be used by many tasks at once.

    counter: accepts one at a time, in micro-batches. intake: accepts many, all or nothing; faults:
    names all of them that it would refuse. zone: of moments that say none.
    """

    database: Database
    publisher: Publisher
    places: Places
    offer: Offer
    orders: OrderReader
    zone: ZoneInfo
    counter: Counter
    intake: Intake
    faults: Faults
    desk: Desk
    api_keys: ApiKeys
    receipts: Receipts
    is_broker_up: Callable[[], bool]
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a monitor asks for. All raise StoreUnavailable, StoreError.

    depths: messages ready by tier; None where the broker does not answer.
    """

    counts: Callable[[], Awaitable[Mapping[State, int]]]
    backlog: Callable[[], Awaitable[Backlog]]
    pauses: Callable[[], Awaitable[Sequence[Pause]]]
    depths: Callable[[], Awaitable[Mapping[int, int] | None]]


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

        async with (
            open_publisher(settings, delay, "gateway", patient=True, keep=keep) as publisher,
            registry_on(database, settings) as registry,
        ):
            places = places_of(settings, delay)
            acceptor = Acceptor(database, ladders=ladders_of(settings), places=places)
            addresses = addresses_of(settings, database)
            intake = Intake(acceptor, publisher, check=addresses.check)
            yield Tools(
                database=database,
                publisher=publisher,
                places=places,
                offer=offer_of(settings),
                orders=order_reader_of(settings, database),
                zone=ZoneInfo(settings.wechat.time_zone),
                counter=Counter(acceptor, intake, faults=addresses.unknown),
                intake=intake,
                faults=_faults_of(settings, database),
                desk=_desk_of(settings, database, publisher, acceptor, places, registry),
                api_keys=ApiKeys(database),
                receipts=Receipts(database, rule_book=rule_book_of(settings, {}, delay)),
                is_broker_up=lambda: links[0].is_up,
                figures=_figures_of(settings, database),
            )


def _faults_of(settings: Settings, database: Database) -> Faults:
    async def faults(submissions: Sequence[Submission]) -> Mapping[int, InvalidInput]:
        unknown = await addresses_of(settings, database).unknown(submissions)
        return {**await conflicts(database, submissions), **unknown}

    return faults


def _figures_of(settings: Settings, database: Database) -> Figures:
    async def depths() -> Mapping[int, int] | None:
        return await queue_depths(settings)

    return Figures(
        counts=partial(counts_by_state, database),
        backlog=OutboxRows(database).backlog,
        pauses=MysqlPauses(database).all,
        depths=depths,
    )


def _desk_of(
    settings: Settings,
    database: Database,
    publisher: Publisher,
    acceptor: Acceptor,
    places: Places,
    registry: Registry,
) -> Desk:
    listing, hasten = Listing(database), acceptor.hasten
    replays = Replays(database, places=places, books=order_books_of(settings))
    rescheduling = Rescheduling(database, places=places)
    return Desk(
        explainer=Explainer(Timelines(database), ladders_of(settings)),
        listing=listing,
        interventions=Interventions(database),
        replay=Replay(replays, publisher, hasten=hasten),
        reschedule=Reschedule(listing, rescheduling, publisher, hasten=hasten),
        registry=registry,
        pausing=Pausing(MysqlPauses(database), Endpoints(database, seal_of(settings))),
    )
