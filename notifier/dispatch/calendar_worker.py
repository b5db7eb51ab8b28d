"""The calendar as a process of the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from notifier.dispatch.calendar import Calendar
from notifier.dispatch.ending import end
from notifier.dispatch.tally import Tally
from notifier.domain.worker import WorkerReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarParts:
    """beside: what else the process does until it is cancelled, each on its own."""

    calendar: Calendar
    beside: Sequence[Callable[[], Coroutine[None, None, None]]] = ()


class CalendarWorker:
    def __init__(
        self,
        open_parts: Callable[[], AbstractAsyncContextManager[CalendarParts]],
        *,
        tally: Tally,
    ) -> None:
        self._open = open_parts
        self._tally = tally

    async def run(self, *, ready: Callable[[], None], draining: asyncio.Event) -> None:
        async with self._open() as parts, asyncio.TaskGroup() as group:
            beside = [group.create_task(work()) for work in parts.beside]
            ready()
            await parts.calendar.run(draining)
            await end(beside)

    def report(self) -> WorkerReport:
        return self._tally.report()
