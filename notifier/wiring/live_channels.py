"""The channels that end at a client: push, and tasks whose results are pushed."""

from __future__ import annotations

from datetime import timedelta

from notifier.channels.push.channel import PushChannel
from notifier.channels.task.channel import HandOn, TaskChannel
from notifier.channels.task.registry import load_registry
from notifier.domain.notification import Notification
from notifier.settings import Settings
from notifier.store.push_line import RedisPushLine


def push_channel(settings: Settings) -> PushChannel:
    line = RedisPushLine(settings.redis.url.get_secret_value(), prefix=settings.redis.prefix)
    return PushChannel(line, ack_within=timedelta(seconds=settings.live.ack_s))


def task_channel(settings: Settings, hand_on: HandOn | None) -> TaskChannel:
    """hand_on: None where nothing is run; the user's package is not even imported then.

    Raises SettingsError.
    """

    async def nowhere(task: Notification, result: object) -> None:
        raise NotImplementedError

    tasks = settings.tasks
    return TaskChannel(
        load_registry(tasks.registry, tasks.packaged) if hand_on else {},
        hand_on or nowhere,
        limit=timedelta(seconds=tasks.timeout_s),
        threads=tasks.threads,
    )
