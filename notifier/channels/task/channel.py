"""Runs a task: a named function of the user's package. Its result goes to the owner, as a push."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson
import structlog

from notifier.channels.task.registry import Function
from notifier.domain.notification import ChannelName, Notification
from notifier.domain.outcome import Held, Outcome, Permanent, Retry, Sent, Unknown
from notifier.errors import InvalidInput, NotifierError, Unavailable

log = structlog.get_logger(__name__)

MARGIN = timedelta(seconds=10)
"""For handing the result on."""
LARGEST_RESULT = 60 * 1024

HandOn = Callable[[Notification, object], Awaitable[None]]
"""Accept the push of a task's result, once however often it is asked. Raises NotifierError."""


class TaskChannel:
    """Implements `notifier.domain.notification.Channel`.

    At least once: a function that may not run twice knows a repetition by the task's id.
    """

    name = ChannelName.TASK
    protected_for: timedelta | None = None

    def __init__(
        self,
        registry: Mapping[str, Function],
        hand_on: HandOn,
        *,
        limit: timedelta,
        threads: int,
    ) -> None:
        """limit: for one run. threads: for functions that are not async."""
        self._registry = registry
        self._hand_on = hand_on
        self._limit = limit
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self.timeout = limit + MARGIN

    async def send(self, notification: Notification) -> Outcome | Held:
        function = self._registry.get(notification.template)
        if function is None:
            return Permanent(code="unknown_task", detail="[tasks] has no such name")
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                result = await self._run(function, notification)
        except TimeoutError:
            seconds = f"{self._limit.total_seconds():g}"
            return Unknown(code="timeout", detail=f"it ran longer than {seconds} s")
        except InvalidInput as error:
            return Permanent(code="refused", detail=str(error))
        except Exception as error:  # whatever the user's function raises; the client never sees it
            where = "".join(traceback.format_tb(error.__traceback__)[-3:])
            log.warning("task_failed", task=notification.template, where=where)
            return Retry(code="failed", detail=f"{type(error).__name__}: {error}"[:500])
        return await self._finish(notification, result)

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, function: Function, notification: Notification) -> object:
        payload = dict(notification.payload)
        given: tuple[Any, ...] = (payload, notification.id) if function.takes_id else (payload,)
        if function.is_async:
            return await function.call(*given)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="task")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, function.call, *given)

    async def _finish(self, notification: Notification, result: object) -> Outcome | Held:
        try:
            size = len(orjson.dumps(result))
        except (orjson.JSONEncodeError, TypeError) as error:
            return Permanent(code="bad_result", detail=f"is no JSON: {error}"[:500])
        if size > LARGEST_RESULT:
            detail = f"has {size} bytes, at most {LARGEST_RESULT}; return a reference instead"
            return Permanent(code="bad_result", detail=detail)
        try:
            await self._hand_on(notification, result)
        except Unavailable as error:
            return Unknown(code="store_away", detail=str(error)[:500])
        except NotifierError as error:
            return Permanent(code="bad_result", detail=str(error)[:500])
        return Sent(code="done")
