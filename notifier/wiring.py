"""Settings to objects: the only place that chooses an implementation."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from zoneinfo import ZoneInfo

from notifier.broker import codec, topology
from notifier.broker.connection import Link, Server
from notifier.broker.consumer import Consumer
from notifier.broker.dead_queue import DeadQueue
from notifier.broker.depth import Depths
from notifier.broker.inspection import Inspector
from notifier.broker.management import Management
from notifier.broker.publisher import Publisher
from notifier.broker.topology import Topology
from notifier.channels.wechat.channel import WechatChannel
from notifier.channels.wechat.options import WechatOptions, WechatTemplate
from notifier.dispatch import failpoint, intervene
from notifier.dispatch.attempt import Attempts, Limits
from notifier.dispatch.calendar import Calendar
from notifier.dispatch.calendar_worker import CalendarWorker
from notifier.dispatch.explain import Explainer
from notifier.dispatch.intake import Intake
from notifier.dispatch.intervene import Replay
from notifier.dispatch.log_sinks import ConsoleSink, FileSink
from notifier.dispatch.pauses import Pauses
from notifier.dispatch.publishing import Designer, Reader, Timing
from notifier.dispatch.run_log import BufferedRunLog, Sink
from notifier.dispatch.tally import Tally
from notifier.dispatch.tier_worker import TierParts, TierWorker
from notifier.domain.intervention import Intervened
from notifier.domain.ladder import Ladder, ladder_of
from notifier.domain.lease import Lease, lease_duration
from notifier.domain.notification import TERMINAL, Channel, State
from notifier.domain.order import OrderRow
from notifier.domain.placement import Places
from notifier.domain.rules import Guarantees, RuleBook
from notifier.domain.worker import Worker
from notifier.errors import BrokerUnavailable, SettingsError
from notifier.settings import Settings
from notifier.store.accept import Acceptor
from notifier.store.audit import Auditor
from notifier.store.claims import Claims
from notifier.store.interventions import Interventions
from notifier.store.listing import Listing
from notifier.store.mysql import Database, MysqlOptions
from notifier.store.orders import LOADTEST_TABLE, Orders, OrderTable
from notifier.store.pauses import MysqlPauses
from notifier.store.playground import OpenOrder, make_order_table, put_orders
from notifier.store.records import Records
from notifier.store.replays import Replays
from notifier.store.run_log import MysqlSink
from notifier.store.schedule import Schedule
from notifier.store.settled import states_of
from notifier.store.timelines import Timelines
from notifier.store.tokens import RedisTokenStore

WORKER_ID = "NOTIFIER_CHILD_WORKER_ID"
AUDIT_S = 600.0
"""How long one statement of an audit may take."""


def worker_for(settings: Settings, kind: str, tier: int | None) -> Worker:
    """kind: `tier` (with its seconds) or `calendar`. Raises SettingsError."""
    failpoint.arm(os.environ.get(failpoint.VARIABLE))
    worker_id = os.environ.get(WORKER_ID, f"pid-{os.getpid()}")
    if kind == "calendar":
        return _calendar_worker(settings)
    if kind == "tier" and tier is not None:
        return _tier_worker(settings, tier, worker_id)
    raise SettingsError(f"there is no process of kind {kind!r} with tier {tier!r}")


async def release_leases(settings: Settings, worker_id: str) -> None:
    """Close the attempts of a process that is known to be dead, and let them be tried again.

    Raises StoreUnavailable; BrokerUnavailable costs only time, the sweeper publishes.
    """
    async with open_database(settings) as database:
        schedule = schedule_of(settings, database)
        async with open_publisher(settings, "release", patient=True) as publisher:
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


async def apply_topology(settings: Settings) -> None:
    """Raises TopologyError, BrokerUnavailable."""
    await topology.apply(topology_of(settings), server_of(settings))


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(mysql_options(settings))
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_publisher(
    settings: Settings, name: str, *, patient: bool = False
) -> AsyncIterator[Publisher]:
    """patient: begin although the broker is away. Raises BrokerUnavailable else."""
    link = Link(server_of(settings), name=f"notifier {name} publish")
    try:
        await link.open(patient=patient)
        yield await Publisher.open(link, topology_of(settings), confirm_within=_confirm(settings))
    finally:
        await link.close()


@asynccontextmanager
async def open_intake(settings: Settings) -> AsyncIterator[Intake]:
    """Works without the broker too: what is accepted then is published by the sweeper."""
    async with open_database(settings) as database:
        acceptor = Acceptor(database, ladders=ladders_of(settings), places=places_of(settings))
        async with open_publisher(settings, "intake", patient=True) as publisher:
            yield Intake(acceptor, publisher)


def server_of(settings: Settings) -> Server:
    return Server(
        url=settings.amqp.url.get_secret_value(),
        heartbeat=timedelta(seconds=settings.amqp.heartbeat_s),
        plain_allowed=settings.amqp.allow_plaintext,
    )


def topology_of(settings: Settings) -> Topology:
    return Topology(
        exchange=settings.amqp.exchange,
        queue_prefix=settings.amqp.queue_prefix,
        tiers=settings.fleet.tiers,
        delayed_type=settings.amqp.delayed_type,
        queue_type=settings.amqp.queue_type,
        dead_queue=settings.amqp.dead_queue,
    )


def mysql_options(settings: Settings) -> MysqlOptions:
    return MysqlOptions(
        url=settings.mysql.url.get_secret_value(),
        ca_file=settings.mysql.ca_file,
        allow_plaintext=settings.mysql.allow_plaintext,
        pool_size=settings.mysql.pool_size,
        statement_timeout_s=settings.mysql.statement_timeout_s,
    )


def ladders_of(settings: Settings) -> dict[str, Ladder]:
    return {"default": ladder_of("default", settings.ladder.delays_s)}


def places_of(settings: Settings) -> Places:
    return Places(
        tiers=settings.fleet.tiers,
        horizon=timedelta(seconds=settings.calendar.horizon_s),
        can_hold=Publisher.can_hold,
    )


def rule_book_of(settings: Settings, channels: Mapping[str, Channel]) -> RuleBook:
    return RuleBook(
        ladders=ladders_of(settings),
        places=places_of(settings),
        channels={
            name: Guarantees(protected_for=channel.protected_for, send_timeout=channel.timeout)
            for name, channel in channels.items()
        },
        pause=timedelta(seconds=settings.attempt.pause_s),
    )


def schedule_of(settings: Settings, database: Database) -> Schedule:
    rule_book = rule_book_of(settings, channels_of(settings))
    return Schedule(database, rule_book=rule_book, batch=settings.calendar.batch)


def order_books_of(settings: Settings) -> dict[str, Orders]:
    books = {"loadtest": Orders(OrderTable(table=LOADTEST_TABLE))}
    if settings.orders.enabled:
        names = settings.orders
        books["orders"] = Orders(
            OrderTable(
                table=names.table,
                id_column=names.id_column,
                number_column=names.number_column,
                status_column=names.status_column,
                designer_id_column=names.designer_id_column,
                designer_name_column=names.designer_name_column,
                designed_at_column=names.designed_at_column,
                publisher_column=names.publisher_column,
            )
        )
    return books


def channels_of(settings: Settings) -> dict[str, Channel]:
    """The channels that are configured; a notification for another one waits until it is."""
    wechat = settings.wechat
    if not wechat.app_id:
        return {}
    tokens = RedisTokenStore(settings.redis.url.get_secret_value(), prefix=settings.redis.prefix)
    options = WechatOptions(
        app_id=wechat.app_id,
        app_secret=wechat.secret(),
        templates={
            "designer": WechatTemplate(
                template_id=wechat.designer_template, fields=wechat.designer_fields
            ),
            "publisher": WechatTemplate(
                template_id=wechat.publisher_template, fields=wechat.publisher_fields
            ),
        },
        base_url=wechat.base_url,
        ca_file=wechat.ca_file,
        timeout=timedelta(seconds=wechat.timeout_s),
        connections=wechat.connections,
        time_zone=ZoneInfo(wechat.time_zone),
    )
    channel = WechatChannel(options, tokens=tokens)
    return {channel.name: channel}


def _tier_worker(settings: Settings, tier: int, worker_id: str) -> TierWorker:
    tally = Tally()

    @asynccontextmanager
    async def open_parts() -> AsyncIterator[TierParts]:
        consume = Link(server_of(settings), name=f"notifier tier {tier}s consume")
        async with (
            open_database(settings) as database,
            open_publisher(settings, f"tier {tier}s", patient=True) as publisher,
        ):
            channels = channels_of(settings)
            try:
                await consume.open(patient=True)
                consumer = Consumer(consume, topology_of(settings).queue_of(tier))
                pauses = Pauses(MysqlPauses(database), who=worker_id)
                run_log = BufferedRunLog(_sinks(settings, database))
                yield TierParts(
                    consumer=consumer,
                    attempts=Attempts(
                        tier=tier,
                        decode=codec.decode,
                        claims=_claims(settings, database, channels, worker_id),
                        records=Records(
                            database, rule_book=rule_book_of(settings, channels), worker=worker_id
                        ),
                        publisher=publisher,
                        channels=channels,
                        pauses=pauses,
                        rule_book=rule_book_of(settings, channels),
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


def _claims(
    settings: Settings, database: Database, channels: Mapping[str, Channel], worker_id: str
) -> Claims:
    longest = max((channel.timeout for channel in channels.values()), default=timedelta(seconds=15))
    return Claims(
        database,
        lease=Lease(owner=worker_id, duration=lease_duration(longest)),
        books=order_books_of(settings),
        ladders=ladders_of(settings),
        places=places_of(settings),
    )


def _calendar_worker(settings: Settings) -> CalendarWorker:
    tally = Tally()

    @asynccontextmanager
    async def open_calendar() -> AsyncIterator[Calendar]:
        link = Link(server_of(settings), name="notifier calendar publish")
        async with open_database(settings) as database:
            try:
                await link.open(patient=True)
                names = topology_of(settings)
                publisher = await Publisher.open(link, names, confirm_within=_confirm(settings))
                depths = await Depths.open(link, names)

                async def busy_tiers() -> set[int]:
                    return {tier for tier, count in (await depths.ready()).items() if count}

                yield Calendar(
                    schedule_of(settings, database),
                    publish=publisher.publish_many,
                    busy_tiers=busy_tiers,
                    tick=timedelta(seconds=settings.calendar.tick_s),
                    tally=tally,
                )
            finally:
                await link.close()

    return CalendarWorker(open_calendar, tally=tally)


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


def _confirm(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.amqp.publish_timeout_s)


@asynccontextmanager
async def open_reader(
    settings: Settings, *, designer: Designer | None, timing: Timing, again: bool
) -> AsyncIterator[Reader]:
    """Reads records and order numbers for `publish`."""
    async with open_database(settings) as database:
        orders = order_books_of(settings).get("orders")

        async def find(number: str) -> tuple[str, OrderRow] | None:
            return await orders.find(database, number) if orders else None

        yield Reader(find=find if orders else None, designer=designer, timing=timing, again=again)


async def put_order(settings: Settings, order_no: str, *, order_id: int, publisher: str) -> None:
    """An open order in the stack's own order table."""
    async with open_database(settings) as database:
        await make_order_table(database)
        order = OpenOrder(order_id=order_id, order_no=order_no, publisher_openid=publisher)
        await put_orders(database, "tg_order_task", [order])


async def wait_until_settled(
    settings: Settings, which: str, timeout_s: float
) -> list[tuple[str, str]]:
    """(role, state) of each notification, when all have ended or the time is over."""
    async with open_database(settings) as database:
        deadline = monotonic() + timeout_s
        while True:
            states = await states_of(database, which)
            if states and all(State(state) in TERMINAL for _, state in states):
                return states
            if not states or monotonic() > deadline:
                return states
            await asyncio.sleep(0.1)


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
async def open_inspector(settings: Settings) -> AsyncIterator[Inspector]:
    """Raises BrokerUnavailable."""
    server = server_of(settings)
    link = Link(server, name="notifier inspect")
    url = settings.amqp.management_url
    management = Management(url=url.get_secret_value(), vhost=server.vhost) if url else None
    try:
        await link.open()
        yield Inspector(link, topology_of(settings), management=management)
    finally:
        await link.close()


@asynccontextmanager
async def open_listing(settings: Settings) -> AsyncIterator[Listing]:
    async with open_database(settings) as database:
        yield Listing(database)


@asynccontextmanager
async def open_replay(settings: Settings) -> AsyncIterator[Replay]:
    """Works without the broker too: the sweeper publishes what it did not take."""
    async with (
        open_database(settings) as database,
        open_publisher(settings, "replay", patient=True) as publisher,
    ):
        places, books = places_of(settings), order_books_of(settings)
        acceptor = Acceptor(database, ladders=ladders_of(settings), places=places)
        replays = Replays(database, places=places, books=books)
        yield Replay(replays, publisher, hasten=acceptor.hasten)


@asynccontextmanager
async def open_interventions(settings: Settings) -> AsyncIterator[Interventions]:
    async with open_database(settings) as database:
        yield Interventions(database)


async def cancel(settings: Settings, key: str, *, who: str) -> list[Intervened]:
    """See notifier.dispatch.intervene.cancel."""
    async with open_database(settings) as database:
        find, store = Listing(database), Interventions(database)
        return await intervene.cancel(key, find=find, store=store, who=who)


@asynccontextmanager
async def open_dead_queue(settings: Settings) -> AsyncIterator[DeadQueue]:
    """Raises BrokerUnavailable."""
    link = Link(server_of(settings), name="notifier dlq")
    try:
        await link.open()
        yield DeadQueue(link, settings.amqp.dead_queue)
    finally:
        await link.close()
