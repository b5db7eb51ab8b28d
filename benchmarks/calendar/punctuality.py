"""How late what the calendar promoted is told, by a fleet on servers of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from time import monotonic

from benchmarks.calendar.progress import Progress
from benchmarks.calendar.servers import running_fleet, running_sandbox
from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.errors import NotifierError
from notifier.loadtest.lateness import Spread, spread_of
from notifier.settings import Settings, read_settings
from notifier.stack import Stack
from notifier.store.mysql import Database
from notifier.store.upgrade import upgrade
from notifier.wiring import entry, parts

CHUNK = 500
ACCEPTED_PER_S = 1_000
"""Fewer than any machine accepts: when all are accepted, the first is still in the calendar."""
STUCK_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Punctuality:
    """lateness: ms, start of the attempt minus the due moment, by the database's clock.

    promoted: how many waited in the calendar when all were accepted.
    """

    mechanism: str
    per_s: int
    horizon_s: int
    promoted: int
    lateness: Spread


async def punctuality(
    stack: Stack,
    folder: Path,
    *,
    mechanism: str,
    per_s: int,
    count: int,
    horizon_s: int,
    progress: Progress,
) -> Punctuality:
    """Raises NotifierError where something is not told."""
    async with _furnished(stack, folder, mechanism=mechanism, horizon_s=horizon_s) as settings:
        progress(f"{mechanism}: {count:,} at {per_s} a second")
        async with parts.open_database(settings) as database:
            first_in_s = horizon_s + 5 + ceil(count / ACCEPTED_PER_S)
            await _accept(settings, count, first_in_s=first_in_s, per_s=per_s)
            promoted = await _count(database, "scheduled")
            await _until_told(database, count, within_s=first_in_s + count / per_s + STUCK_S)
            rows = await database.fetch("SELECT lateness_us / 1000 FROM notifier_attempt")
    return Punctuality(
        mechanism=mechanism,
        per_s=per_s,
        horizon_s=horizon_s,
        promoted=promoted,
        lateness=spread_of([float(row[0]) for row in rows]),
    )


@asynccontextmanager
async def _furnished(
    stack: Stack, folder: Path, *, mechanism: str, horizon_s: int
) -> AsyncIterator[Settings]:
    """A schema, a topology, a sandbox and a fleet."""
    own = stack.environment()
    schema = f"notifier_punctual_{mechanism}"
    admin = Database(parts.mysql_options(_settings(own)))
    await admin.run(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4")
    await admin.close()
    with running_sandbox(folder / "sandbox") as receiver:
        environment = {
            **own,
            **receiver,
            "NOTIFIER_MYSQL_URL": own["NOTIFIER_MYSQL_URL"].rsplit("/", 1)[0] + f"/{schema}",
            "NOTIFIER_AMQP_DELAY": mechanism,
            "NOTIFIER_AMQP_QUEUE_PREFIX": f"{mechanism}_queue",
            "NOTIFIER_CALENDAR_HORIZON_S": str(horizon_s),
            "NOTIFIER_FLEET_RUN_DIR": str(folder / "run"),
            "NOTIFIER_ORDERS_ENABLED": "false",
            "NOTIFIER_LOG_CONSOLE": "false",
        }
        settings = _settings(environment)
        await asyncio.to_thread(upgrade, parts.mysql_options(settings))
        await entry.apply_topology(settings)
        with running_fleet(folder, environment):
            yield settings


def _settings(environment: dict[str, str]) -> Settings:
    os.environ.update(environment)
    return read_settings()


async def _accept(settings: Settings, count: int, *, first_in_s: float, per_s: int) -> None:
    first = datetime.now(UTC) + timedelta(seconds=first_in_s)
    async with entry.open_intake(settings) as intake:
        for start in range(0, count, CHUNK):
            numbers = range(start, min(start + CHUNK, count))
            await intake.accept([_one(n, first + timedelta(seconds=n / per_s)) for n in numbers])


def _one(number: int, due_at: datetime) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WECHAT,
        recipient=f"oCustomer_{number:08d}",
        template="designer",
        order_no=f"breakfast-{number}",
        due_at=due_at,
    )


async def _until_told(database: Database, count: int, *, within_s: float) -> None:
    deadline = monotonic() + within_s
    while (told := await _count(database, "sent")) < count:
        if monotonic() > deadline:
            raise NotifierError(f"{told} of {count} told within {within_s:.0f} s")
        await asyncio.sleep(1)


async def _count(database: Database, state: str) -> int:
    ((count,),) = await database.fetch(
        "SELECT COUNT(*) FROM notifier_notification WHERE state = %s", [state]
    )
    return int(count)
