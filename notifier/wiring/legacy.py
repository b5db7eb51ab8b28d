"""The intake of what older programs put into Redis: who takes it, and what an operator does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

from notifier.broker.mechanism import Mechanism
from notifier.dispatch.checkup import Fault, Seen
from notifier.dispatch.intake import Intake
from notifier.dispatch.legacy_intake import Judge, LegacyIntake
from notifier.dispatch.legacy_mending import Mending
from notifier.dispatch.legacy_worker import IntakeWorker
from notifier.dispatch.tally import Tally
from notifier.domain.legacy_item import ReminderRules, Way, order_of, reminder_of
from notifier.errors import SettingsError
from notifier.settings import Settings
from notifier.store.accept import Acceptor
from notifier.store.legacy_rows import KeptRows, LegacyRows
from notifier.store.legacy_source import LegacySource
from notifier.store.mysql import Database
from notifier.wiring.delay import chosen_delay
from notifier.wiring.endpoints import addresses_of
from notifier.wiring.parts import (
    ladders_of,
    offer_of,
    open_database,
    open_publisher,
    places_of,
)


def intake_worker(settings: Settings) -> IntakeWorker:
    """Raises SettingsError."""
    tally, sources = Tally(), sources_of(settings)
    if not sources:
        raise SettingsError("[intake] order_list and reminder_set are both empty; name one")

    @asynccontextmanager
    async def open_intakes() -> AsyncIterator[Sequence[LegacyIntake]]:
        async with AsyncExitStack() as stack:
            for source in sources.values():
                await stack.enter_async_context(aclosing(source))
            database = await stack.enter_async_context(open_database(settings))
            delay = await chosen_delay(settings, database)
            publisher = await stack.enter_async_context(
                open_publisher(settings, delay, "intake", patient=True)
            )
            acceptor = _acceptor(settings, database, delay)
            judges = judges_of(settings)
            yield [
                LegacyIntake(
                    source,
                    LegacyRows(database, acceptor),
                    Intake(acceptor, publisher),
                    judge=judges[way],
                    faults=addresses_of(settings, database).unknown,
                    poll_s=settings.intake.poll_s,
                    tally=tally,
                )
                for way, source in sources.items()
            ]

    return IntakeWorker(open_intakes, tally=tally)


def sources_of(settings: Settings) -> dict[Way, LegacySource]:
    """Those that have a name. Raises SettingsError for a bad URL."""
    names = settings.intake
    url = (names.url or settings.redis.url).get_secret_value()
    keys = {Way.ORDER: names.order_list, Way.REMINDER: names.reminder_set}
    return {
        way: LegacySource(url, way=way, key=key, taken=key + names.taken_suffix)
        for way, key in keys.items()
        if key
    }


def judges_of(settings: Settings) -> Mapping[Way, Judge]:
    names = settings.intake
    rules = ReminderRules(
        channel=names.reminder_channel,
        to=names.reminder_to,
        member=re.compile(names.reminder_member),
        after=timedelta(seconds=names.reminder_after_s),
        zone=ZoneInfo(settings.wechat.time_zone),
    )
    return {
        Way.ORDER: partial(
            order_of,
            claim_window=timedelta(seconds=settings.orders.claim_window_s),
            order_book="orders" if settings.orders.enabled else "none",
        ),
        Way.REMINDER: partial(reminder_of, rules=rules, offer=offer_of(settings)),
    }


@asynccontextmanager
async def open_kept_rows(settings: Settings) -> AsyncIterator[KeptRows]:
    async with open_database(settings) as database:
        yield KeptRows(database)


async def look_at_intake(settings: Settings) -> Seen:
    """Whether Redis can be asked, and how many entries were kept aside."""
    facts, faults = ["switched off"], []
    if settings.intake.enabled:
        facts = []
        for source in sources_of(settings).values():
            async with aclosing(source):
                facts.append(f"{await source.waiting()} entries wait in {source.name}")
    async with open_kept_rows(settings) as rows:
        if count := await rows.count():
            what = f"{count} entries broke a rule and were kept aside"
            faults.append(Fault(what=what, remedy="`notifier intake list` says why"))
    return Seen(facts=facts, faults=faults)


@asynccontextmanager
async def open_mending(settings: Settings) -> AsyncIterator[Mending]:
    """Works without the broker too: what is accepted then is published by the sweeper."""
    async with open_database(settings) as database:
        delay = await chosen_delay(settings, database)
        acceptor = _acceptor(settings, database, delay)
        async with open_publisher(settings, delay, "intake", patient=True) as publisher:
            yield Mending(
                kept=KeptRows(database),
                rows=LegacyRows(database, acceptor),
                intake=Intake(acceptor, publisher),
                judges=judges_of(settings),
                faults=addresses_of(settings, database).unknown,
            )


def _acceptor(settings: Settings, database: Database, delay: Mechanism) -> Acceptor:
    places = places_of(settings, delay)
    return Acceptor(database, ladders=ladders_of(settings), places=places)
