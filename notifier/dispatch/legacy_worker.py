"""The intake of what older programs put into Redis, as a process of the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from notifier.dispatch.legacy_intake import LegacyIntake
from notifier.dispatch.tally import Tally
from notifier.domain.worker import WorkerReport


class IntakeWorker:
    def __init__(
        self,
        open_intakes: Callable[[], AbstractAsyncContextManager[Sequence[LegacyIntake]]],
        *,
        tally: Tally,
    ) -> None:
        self._open = open_intakes
        self._tally = tally

    async def run(self, *, ready: Callable[[], None], draining: asyncio.Event) -> None:
        async with self._open() as intakes, asyncio.TaskGroup() as group:
            for intake in intakes:
                group.create_task(intake.run(draining))
            ready()

    def report(self) -> WorkerReport:
        return self._tally.report()
