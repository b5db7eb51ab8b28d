"""What live push is made of: for the fleet, for a gateway, and for who asks about its clients."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from notifier.broker.mechanism import Mechanism
from notifier.broker.publisher import Publisher
from notifier.channels.task.channel import HandOn
from notifier.channels.task.registry import load_registry
from notifier.dispatch.fates import Fates
from notifier.dispatch.intake import Intake
from notifier.domain.notice import Notice, submission_of
from notifier.domain.notification import Notification
from notifier.domain.submission import Accepted
from notifier.domain.task import result_of
from notifier.settings import Settings
from notifier.store.accept import Acceptor
from notifier.store.mysql import Database
from notifier.store.push_feed import Hearer, RedisFeed, ask_gateways
from notifier.store.pushes import Pushes
from notifier.store.tickets import RedisTickets
from notifier.store.topics import RedisTopics
from notifier.store.untold_tasks import UntoldTasks
from notifier.wiring import parts

log = structlog.get_logger(__name__)

CLIENTS_S = 3.0
"""How long gateways have to say who is connected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTools:
    """For a gateway process, for its whole life."""

    topics: RedisTopics
    tickets: RedisTickets
    pushes: Pushes
    task_names: frozenset[str]
    submit: Callable[[Notice], Awaitable[Accepted]]

    async def close(self) -> None:
        await self.topics.close()
        await self.tickets.close()


def results_of(
    settings: Settings, database: Database, delay: Mechanism, publisher: Publisher
) -> HandOn:
    """What becomes of the results of tasks: pushes to their owners."""
    intake = Intake(_acceptor(settings, database, delay), publisher)

    async def hand_on(task: Notification, result: object) -> None:
        await intake.accept([result_of(task, result)])

    return hand_on


def fates_of(
    settings: Settings, database: Database, delay: Mechanism, publisher: Publisher
) -> Fates:
    acceptor = _acceptor(settings, database, delay)
    return Fates(UntoldTasks(database, acceptor), Intake(acceptor, publisher).hand_over)


def _acceptor(settings: Settings, database: Database, delay: Mechanism) -> Acceptor:
    places = parts.places_of(settings, delay)
    return Acceptor(database, ladders=parts.ladders_of(settings), places=places)


def live_tools(settings: Settings, database: Database, intake: Intake) -> LiveTools:
    """Raises SettingsError for a registry that cannot be loaded."""
    url, prefix, live = settings.redis.url.get_secret_value(), settings.redis.prefix, settings.live
    offer = parts.offer_of(settings)

    async def submit(notice: Notice) -> Accepted:
        submission = submission_of(notice, offer, now=datetime.now(UTC))
        return (await intake.accept([submission])).accepted[0]

    return LiveTools(
        topics=RedisTopics(
            url, prefix=prefix, most=live.keep_topics, lifetime=timedelta(seconds=live.keep_s)
        ),
        tickets=RedisTickets(url, prefix=prefix),
        pushes=Pushes(
            database,
            keep=timedelta(hours=live.resume_h),
            who=f"gateway {socket.gethostname()[:64]}-{os.getpid()}",
        ),
        task_names=_task_names(settings),
        submit=submit,
    )


def _task_names(settings: Settings) -> frozenset[str]:
    names = frozenset(load_registry(settings.tasks.registry, settings.tasks.packaged))
    if names:
        log.info("tasks.offered", names=sorted(names))
    return names


def live_feed(settings: Settings, hearer: Hearer) -> RedisFeed:
    url = settings.redis.url.get_secret_value()
    return RedisFeed(url, prefix=settings.redis.prefix, hearer=hearer)


async def connected_clients(settings: Settings, *, most: int) -> list[bytes]:
    """A JSON document of each gateway that answers; see `notifier.gateway.live.roll`.

    most: clients that each lists; 0 for counts. Raises StoreUnavailable.
    """
    return await ask_gateways(
        settings.redis.url.get_secret_value(),
        prefix=settings.redis.prefix,
        asker=secrets.token_hex(8),
        most=most,
        within_s=CLIENTS_S,
    )
