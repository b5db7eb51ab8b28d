"""The processes of a fleet. Imports no more than they need, for the sake of their memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from notifier.broker import codec
from notifier.broker.connection import Link
from notifier.broker.consumer import Consumer
from notifier.broker.depth import Depths
from notifier.broker.mechanism import Mechanism
from notifier.broker.publisher import Publisher
from notifier.dispatch import failpoint
from notifier.dispatch.attempt import Attempts, Limits
from notifier.dispatch.calendar import Calendar
from notifier.dispatch.calendar_worker import CalendarParts, CalendarWorker
from notifier.dispatch.log_sinks import ConsoleSink, FileSink
from notifier.dispatch.pauses import Pauses
from notifier.dispatch.retention import Retention
from notifier.dispatch.run_log import BufferedRunLog, Sink
from notifier.dispatch.tally import Tally
from notifier.dispatch.tier_worker import TierParts, TierWorker
from notifier.domain.lease import Lease, lease_duration
from notifier.domain.rules import RuleBook
from notifier.domain.worker import Worker
from notifier.errors import BrokerUnavailable, SettingsError
from notifier.settings import Settings
from notifier.store import retention
from notifier.store.claims import Claims
from notifier.store.mysql import Database
from notifier.store.pauses import MysqlPauses
from notifier.store.records import Records
from notifier.store.run_log import MysqlSink
from notifier.wiring.delay import chosen_delay, mending_of
from notifier.wiring.foreign import foreign_of
from notifier.wiring.live import fates_of, results_of
from notifier.wiring.outbox import relay_of
from notifier.wiring.parts import (
    channels_of,
    ladders_of,
    open_database,
    open_publisher,
    order_books_of,
    places_of,
    rule_book_of,
    schedule_of,
    server_of,
    topology_of,
)
from notifier.wiring.pausing import standing

__all__ = ["queue_depths", "release_leases", "standing", "worker_for"]

log = structlog.get_logger(__name__)
WORKER_ID = "NOTIFIER_CHILD_WORKER_ID"
LONGEST_SEND = timedelta(seconds=15)
"""Where no channel says how long its send may take."""


def worker_for(settings: Settings, kind: str, tier: int | None) -> Worker:
    """kind: `tier` (with its seconds), `calendar` or `intake`. Raises SettingsError."""
    failpoint.arm(os.environ.get(failpoint.VARIABLE))
    worker_id = os.environ.get(WORKER_ID, f"pid-{os.getpid()}")
    if kind == "calendar":
        _say_what_is_opened(settings)
        return _calendar_worker(settings)
    if kind == "intake":
        from notifier.wiring.legacy import intake_worker

        return intake_worker(settings)
    if kind == "tier" and tier is not None:
        return _tier_worker(settings, tier, worker_id)
    raise SettingsError(f"there is no process of kind {kind!r} with tier {tier!r}")


async def release_leases(settings: Settings, worker_id: str) -> None:
    """Close the attempts of a process that is known to be dead, and let them be tried again.

    Raises StoreUnavailable; BrokerUnavailable costs only time, the sweeper publishes.
    """
    async with open_database(settings) as database:
        delay = await chosen_delay(settings, database)
        schedule = schedule_of(settings, database, delay)
        async with open_publisher(settings, delay, "release", patient=True) as publisher:
            while (await schedule.release_owner(worker_id, publisher.publish_many)).more:
                pass


async def queue_depths(settings: Settings) -> Mapping[int, int] | None:
    """Messages ready per tier's queue; None where the broker does not answer."""
    link = Link(server_of(settings), name="notifier status")
    try:
        await link.open()
        depths = await Depths.open(link, topology_of(settings))
        return await depths.ready()
    except BrokerUnavailable:
        return None
    finally:
        await link.close()


@asynccontextmanager
async def open_tools(
    settings: Settings, name: str
) -> AsyncIterator[tuple[Database, Mechanism, Publisher]]:
    """What each process of a fleet needs; a broker that is away is waited for.

    Raises StoreUnavailable, with which the supervisor starts the process again later.
    """
    async with open_database(settings) as database:
        delay = await chosen_delay(settings, database)
        keep = mending_of(settings, database, delay).keep
        async with open_publisher(settings, delay, name, patient=True, keep=keep) as publisher:
            yield database, delay, publisher


def _say_what_is_opened(settings: Settings) -> None:
    """Once per fleet and start: whoever lets others do more shall not forget it."""
    if settings.amqp.accept_foreign_orders:
        log.warning("amqp.foreign_orders_accepted", exchange=settings.amqp.exchange)
    egress = settings.egress
    if egress.allow_cidrs or egress.allow_hosts or egress.allow_http:
        log.warning(
            "egress.opened",
            networks=egress.allow_cidrs,
            hosts=egress.allow_hosts,
            http=egress.allow_http,
        )


def _tier_worker(settings: Settings, tier: int, worker_id: str) -> TierWorker:
    tally = Tally()

    @asynccontextmanager
    async def open_parts() -> AsyncIterator[TierParts]:
        consume = Link(server_of(settings), name=f"notifier tier {tier}s consume")
        async with open_tools(settings, f"tier {tier}s") as (database, delay, publisher):
            hand_on = results_of(settings, database, delay, publisher)
            channels = channels_of(settings, database, hand_on=hand_on)
            rule_book = rule_book_of(settings, channels, delay)
            try:
                await consume.open(patient=True)
                await mending_of(settings, database, delay).keep(consume)
                consumer = Consumer(consume, topology_of(settings).queue_of(tier))
                pauses = Pauses(MysqlPauses(database), who=worker_id)
                run_log = BufferedRunLog(_sinks(settings, database))
                await database.open(4)  # to claim, with an order and without, to record, to log
                yield TierParts(
                    tier=tier,
                    consumer=consumer,
                    attempts=Attempts(
                        tier=tier,
                        decode=codec.decode,
                        claims=_claims(settings, database, rule_book, worker_id),
                        records=Records(database, rule_book=rule_book, worker=worker_id),
                        publisher=publisher,
                        foreign=foreign_of(settings, database, delay, publisher).take,
                        channels=channels,
                        pauses=pauses,
                        rule_book=rule_book,
                        run_log=run_log,
                        tally=tally,
                        limits=Limits(batch=settings.attempt.batch),
                    ),
                    pauses=pauses,
                    run_log=run_log,
                )
                await consumer.close()
            finally:
                await consume.close()
                for channel in channels.values():
                    await channel.close()

    return TierWorker(open_parts, tally=tally, concurrency=settings.fleet.concurrency)


def _claims(settings: Settings, database: Database, rule_book: RuleBook, worker_id: str) -> Claims:
    longest = max((one.send_timeout for one in rule_book.channels.values()), default=LONGEST_SEND)
    return Claims(
        database,
        lease=Lease(owner=worker_id, duration=lease_duration(longest)),
        books=order_books_of(settings),
        ladders=ladders_of(settings),
        places=rule_book.places,
    )


def _calendar_worker(settings: Settings) -> CalendarWorker:
    tally = Tally()

    @asynccontextmanager
    async def open_parts() -> AsyncIterator[CalendarParts]:
        link = Link(server_of(settings), name="notifier calendar depths")
        async with open_tools(settings, "calendar") as (database, delay, publisher):
            try:
                await link.open(patient=True)
                await mending_of(settings, database, delay).keep(link)
                depths = await Depths.open(link, topology_of(settings))

                async def busy_tiers() -> set[int]:
                    return {tier for tier, count in (await depths.ready()).items() if count}

                calendar = Calendar(
                    schedule_of(settings, database, delay),
                    publish=publisher.publish_many,
                    busy_tiers=busy_tiers,
                    tick=timedelta(seconds=settings.calendar.tick_s),
                    lead=places_of(settings, delay).lead,
                    tally=tally,
                )
                relay = relay_of(settings, database, delay, publisher, tally=tally)
                fates = fates_of(settings, database, delay, publisher)
                beside = [relay.run, fates.run, *_retention(settings, database)]
                yield CalendarParts(calendar=calendar, beside=beside)
            finally:
                await link.close()

    return CalendarWorker(open_parts, tally=tally)


def _retention(
    settings: Settings, database: Database
) -> list[Callable[[], Coroutine[None, None, None]]]:
    if not settings.retention.days:
        return []
    store = retention.Retention(
        database,
        keep=timedelta(days=settings.retention.days),
        chunk=settings.retention.chunk,
    )
    return [Retention(store).run]


def _sinks(settings: Settings, database: Database) -> Sequence[Sink]:
    time_zone = ZoneInfo(settings.wechat.time_zone)
    sinks: list[Sink] = []
    if settings.log.console:
        sinks.append(ConsoleSink(time_zone))
    if settings.log.folder is not None:
        sinks.append(FileSink(settings.log.folder, time_zone))
    if settings.log.mysql:
        sinks.append(MysqlSink(database))
    return sinks
