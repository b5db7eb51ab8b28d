"""From settings to the parts that several programs need: connections, names, rules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from ipaddress import ip_network
from zoneinfo import ZoneInfo

from notifier.broker.connection import Link, Server
from notifier.broker.mechanism import Mechanism
from notifier.broker.publisher import Publisher
from notifier.broker.topology import Topology
from notifier.channels.targets import TargetRules, check_target
from notifier.channels.task.channel import HandOn
from notifier.channels.webhook.channel import WebhookChannel
from notifier.channels.webhook.gates import GateRules
from notifier.channels.webhook.target import WebhookOptions
from notifier.channels.wechat.channel import WechatChannel
from notifier.channels.wechat.message import needed_of
from notifier.channels.wechat.options import WechatOptions, WechatTemplate
from notifier.domain import reminder
from notifier.domain.breaker import BreakerRules
from notifier.domain.endpoint import key_of
from notifier.domain.ladder import BUILT_IN, Ladder, ladder_of
from notifier.domain.notice import Offer
from notifier.domain.notification import Channel, ChannelName
from notifier.domain.placement import Places
from notifier.domain.rules import Guarantees, RuleBook
from notifier.errors import InvalidInput, SettingsError
from notifier.settings import Settings
from notifier.store.endpoint_copy import EndpointCopy
from notifier.store.mysql import Database, MysqlOptions
from notifier.store.orders import LOADTEST_TABLE, Orders, OrderTable
from notifier.store.schedule import Schedule
from notifier.store.seal import Seal
from notifier.store.tokens import RedisTokenStore
from notifier.store.turns import RedisTurns
from notifier.wiring.live_channels import push_channel, task_channel


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(mysql_options(settings))
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_publisher(
    settings: Settings,
    delay: Mechanism,
    name: str,
    *,
    patient: bool = False,
    keep: Callable[[Link], Awaitable[None]] | None = None,
) -> AsyncIterator[Publisher]:
    """patient: begin although the broker is away. Raises BrokerUnavailable else.

    keep: what else shall happen on each connection, first; it may raise.
    """
    link = Link(server_of(settings), name=f"notifier {name} publish")
    try:
        await link.open(patient=patient)
        if keep is not None:
            await keep(link)
        yield await Publisher.open(
            link, topology_of(settings), delay, confirm_within=confirm_timeout(settings)
        )
    finally:
        await link.close()


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
        hold_prefix=settings.amqp.hold_prefix,
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
    """By name: the default first, then the built-in ones, which the settings may replace."""
    asked = {"default": settings.ladder, **settings.ladder.named}
    built_in = {name: ladder_of(name, delays_s) for name, delays_s in BUILT_IN.items()}
    return built_in | {
        name: ladder_of(name, one.delays_s, jitter=one.jitter, give_up_after_s=one.give_up_after_s)
        for name, one in asked.items()
    }


def places_of(settings: Settings, delay: Mechanism) -> Places:
    return Places(
        tiers=settings.fleet.tiers,
        horizon=timedelta(seconds=settings.calendar.horizon_s),
        delays=delay.delays,
    )


def rule_book_of(settings: Settings, channels: Mapping[str, Channel], delay: Mechanism) -> RuleBook:
    return RuleBook(
        ladders=ladders_of(settings),
        places=places_of(settings, delay),
        channels={
            name: Guarantees(protected_for=channel.protected_for, send_timeout=channel.timeout)
            for name, channel in channels.items()
        },
        pause=timedelta(seconds=settings.attempt.pause_s),
    )


def schedule_of(settings: Settings, database: Database, delay: Mechanism) -> Schedule:
    rule_book = rule_book_of(settings, channels_of(settings), delay)
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
            ),
            tells_publishers=names.tell_publishers,
        )
    return books


def channels_of(
    settings: Settings, database: Database | None = None, *, hand_on: HandOn | None = None
) -> dict[str, Channel]:
    """The channels that are configured; a notification for another one waits until it is.

    database: where endpoints are registered; without it webhooks go to URLs only. hand_on: what
    takes the results of tasks; without it none can be run.
    """
    webhook, push = webhook_channel(settings, database), push_channel(settings)
    channels: dict[str, Channel] = {webhook.name: webhook, push.name: push}
    if settings.tasks.any:
        tasks = task_channel(settings, hand_on)
        channels[tasks.name] = tasks
    if settings.wechat.app_id:
        wechat = _wechat_channel(settings)
        channels[wechat.name] = wechat
    return channels


def webhook_channel(settings: Settings, database: Database | None) -> WebhookChannel:
    """Raises SettingsError for a bad key, secret or CA file."""
    webhook = settings.webhook
    copy, turns = None, None
    if database is not None:
        url, prefix = settings.redis.url.get_secret_value(), settings.redis.prefix
        turns = RedisTurns(url, prefix=prefix)
        give_up_after = timedelta(hours=webhook.give_up_after_h)
        copy = EndpointCopy(database, seal_of(settings), give_up_after=give_up_after)
    secret = webhook.signing_secret()
    options = WebhookOptions(
        rules=target_rules_of(settings),
        timeout=timedelta(seconds=webhook.timeout_s),
        secret=checked_secret(secret) if secret else "",
        ca_file=webhook.ca_file,
        gates=GateRules(
            calls=webhook.concurrency,
            places=settings.fleet.concurrency,
            breaker=BreakerRules(failures=webhook.open_after),
        ),
    )
    return WebhookChannel(options, endpoints=copy, turns=turns)


def seal_of(settings: Settings) -> Seal:
    """Raises SettingsError."""
    return Seal(settings.webhook.keys())


def target_rules_of(settings: Settings) -> TargetRules:
    egress = settings.egress
    return TargetRules(
        ports=frozenset(egress.ports),
        http=egress.allow_http,
        networks=tuple(map(ip_network, egress.allow_cidrs)),
        hosts=frozenset(egress.allow_hosts),
    )


def checked_secret(secret: str) -> str:
    """Raises SettingsError."""
    try:
        key_of(secret)
    except InvalidInput as error:
        raise SettingsError(f"[webhook] {error}") from None
    return secret


def _wechat_channel(settings: Settings) -> WechatChannel:
    tokens = RedisTokenStore(settings.redis.url.get_secret_value(), prefix=settings.redis.prefix)
    wechat = settings.wechat
    options = WechatOptions(
        app_id=wechat.app_id,
        app_secret=wechat.secret(),
        templates=wechat_templates_of(settings),
        base_url=wechat.base_url,
        ca_file=wechat.ca_file,
        timeout=timedelta(seconds=wechat.timeout_s),
        connections=wechat.connections,
        time_zone=ZoneInfo(wechat.time_zone),
    )
    return WechatChannel(options, tokens=tokens)


def wechat_templates_of(settings: Settings) -> dict[str, WechatTemplate]:
    """By name; the roles' own and the reminder's among them."""
    wechat = settings.wechat
    asked = {
        "designer": (wechat.designer_template, wechat.designer_fields),
        "publisher": (wechat.publisher_template, wechat.publisher_fields),
        reminder.TEMPLATE: (wechat.pickup_template, wechat.pickup_fields),
        **{name: (one.template_id, one.fields) for name, one in wechat.templates.items()},
    }
    return {
        name: WechatTemplate(template_id=template_id, fields=fields)
        for name, (template_id, fields) in asked.items()
    }


def offer_of(settings: Settings) -> Offer:
    templates = wechat_templates_of(settings)
    needed = {name: needed_of(template) for name, template in templates.items()}
    return Offer(
        ladders=tuple(ladders_of(settings)),
        templates={ChannelName.WECHAT: needed},
        check_url=partial(check_target, rules=target_rules_of(settings), field="recipient"),
    )


def confirm_timeout(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.amqp.publish_timeout_s)
