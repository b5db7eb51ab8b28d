"""Tells the owner of a task that was given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from notifier.dispatch.ports import RunLog
from notifier.domain.lease import Attempted, Recorded
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Notification, State
from notifier.errors import NotifierError

log = structlog.get_logger(__name__)

GIVEN_UP = frozenset({State.DEAD, State.UNKNOWN})


class Fates:
    """Implements `notifier.dispatch.ports.RunLog` around another one.

    tell: accept the push; raises NotifierError. It is a courtesy: that the task is dead is on
    record in any case, and a process that dies just then tells nobody.
    """

    def __init__(self, run_log: RunLog, tell: Callable[[Notification], Awaitable[None]]) -> None:
        self._run_log = run_log
        self._tell = tell
        self._telling: set[asyncio.Task[None]] = set()

    def attempted(self, attempted: Attempted, recorded: Recorded) -> None:
        self._run_log.attempted(attempted, recorded)
        task = attempted.claimed.notification
        if task.channel is ChannelName.TASK and recorded.state in GIVEN_UP and not recorded.lost:
            telling = asyncio.create_task(self._tell_quietly(task))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    def ended(self, message: Message, reason: str) -> None:
        self._run_log.ended(message, reason)

    async def _tell_quietly(self, task: Notification) -> None:
        try:
            await self._tell(task)
        except NotifierError as error:
            log.warning("task.failure_not_told", task=str(task.id), error=str(error))
