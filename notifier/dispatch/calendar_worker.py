"""The calendar as a process of the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from notifier.dispatch.calendar import Calendar
from notifier.dispatch.tally import Tally
from notifier.domain.worker import WorkerReport


class CalendarWorker:
    def __init__(
        self,
        open_calendar: Callable[[], AbstractAsyncContextManager[Calendar]],
        *,
        tally: Tally,
    ) -> None:
        self._open = open_calendar
        self._tally = tally

    async def run(self, *, ready: Callable[[], None], draining: asyncio.Event) -> None:
        async with self._open() as calendar:
            ready()
            await calendar.run(draining)

    def report(self) -> WorkerReport:
        return self._tally.report()
