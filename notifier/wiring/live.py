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
from notifier.channels.task.registry import load_registry
from notifier.dispatch.intake import Intake
from notifier.domain.notice import Notice, submission_of
from notifier.domain.notification import Notification
from notifier.domain.submission import Accepted
from notifier.domain.task import failure_of, result_of
from notifier.settings import Settings
from notifier.store.accept import Acceptor
from notifier.store.mysql import Database
from notifier.store.push_feed import Hearer, RedisFeed, ask_gateways
from notifier.store.pushes import Pushes
from notifier.store.tickets import RedisTickets
from notifier.store.topics import RedisTopics
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


@dataclass(frozen=True, slots=True)
class TaskEnds:
    """What becomes of tasks, accepted as pushes to their owners."""

    intake: Intake

    async def hand_on(self, task: Notification, result: object) -> None:
        await self.intake.accept([result_of(task, result)])

    async def give_up(self, task: Notification) -> None:
        await self.intake.accept([failure_of(task)])


def task_ends(
    settings: Settings, database: Database, delay: Mechanism, publisher: Publisher
) -> TaskEnds:
    places = parts.places_of(settings, delay)
    acceptor = Acceptor(database, ladders=parts.ladders_of(settings), places=places)
    return TaskEnds(Intake(acceptor, publisher))


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


async def connected_clients(settings: Settings) -> list[bytes]:
    """A JSON document of each gateway that answers. Raises StoreUnavailable."""
    return await ask_gateways(
        settings.redis.url.get_secret_value(),
        prefix=settings.redis.prefix,
        asker=secrets.token_hex(8),
        within_s=CLIENTS_S,
    )
