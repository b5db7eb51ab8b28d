"""Stands in for `notifier.wiring.fleet`: workers whose ways are chosen by files in a folder.

The folder (SOME_WORKER_FOLDER) may hold: `refuse`, or `refuse-<kind>` (starting fails with its
text), `away` (as if a
server did not answer), `slow` (seconds that each piece of work takes), `deaf` (the drain is not
heard), `hang-<pid>` (that process stops dead). Each worker writes what it began and finished to
`work-<pid>`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from notifier.domain.pause import Pause
from notifier.domain.worker import WorkerReport
from notifier.errors import BrokerUnavailable, NotifierError
from notifier.fleet.identity import own_worker_id
from notifier.settings import Settings
from notifier.store.outbox_rows import Backlog


def folder() -> Path:
    return Path(os.environ["SOME_WORKER_FOLDER"])


class SomeWorker:
    def __init__(self, kind: str, tier: int | None) -> None:
        self._done = 0
        self._in_flight = 0
        self._published = 0
        self._is_calendar = kind == "calendar"
        self._late: list[float] = []

    async def run(self, *, ready: Callable[[], None], draining: asyncio.Event) -> None:
        if (folder() / "refuse").exists():
            raise NotifierError((folder() / "refuse").read_text())
        if (folder() / "away").exists():
            raise BrokerUnavailable("RabbitMQ at 127.0.0.1:1 does not answer")
        ready()
        slow = folder() / "slow"
        pause_s = float(slow.read_text()) if slow.exists() else 0.05
        while not draining.is_set() or (folder() / "deaf").exists():
            await self._work(pause_s)

    async def _work(self, pause_s: float) -> None:
        if (folder() / f"hang-{os.getpid()}").exists():
            self._write("hanging")
            time.sleep(3600)
        self._in_flight = 1
        self._write("begun")
        await asyncio.sleep(pause_s)
        self._write("finished")
        self._in_flight = 0
        self._done += not self._is_calendar
        self._published += self._is_calendar
        self._late.append(4.0)

    def _write(self, what: str) -> None:
        with (folder() / f"work-{os.getpid()}").open("a") as file:
            file.write(f"{what} {own_worker_id()}\n")

    def report(self) -> WorkerReport:
        late, self._late = tuple(self._late), []
        return WorkerReport(
            in_flight=self._in_flight,
            sent=self._done,
            published=self._published,
            last_error="nothing to speak of",
            lateness_ms=late,
        )


def worker_for(settings: Settings, kind: str, tier: int | None) -> SomeWorker:
    assert settings.fleet.name
    if (folder() / f"refuse-{kind}").exists():
        raise NotifierError((folder() / f"refuse-{kind}").read_text())
    return SomeWorker(kind, tier)


async def release_leases(settings: Settings, worker_id: str) -> None:
    with (folder() / "released").open("a") as file:
        file.write(f"{worker_id}\n")


async def queue_depths(settings: Settings) -> Mapping[int, int] | None:
    return {1: 11, 3: 33}


async def standing(settings: Settings) -> tuple[Sequence[Pause], Backlog]:
    rest = Pause(scope="tier:3", since=datetime.now(UTC), until=None, reason="a trial", who="ann")
    return [rest], Backlog(waiting=0, oldest_s=0.0, rejected=0)
