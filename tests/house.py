"""A whole notifier of its own for one test: schema, topology, sandbox, and a fleet to kill."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import orjson
import pytest

from notifier.domain.order import OrderRecord
from notifier.domain.submission import Submission, of_record
from notifier.sandbox.options import APP_ID, APP_SECRET
from notifier.settings import Settings, read_settings
from notifier.stack import Stack
from notifier.store.mysql import Database, MysqlOptions
from notifier.store.playground import OpenOrder, make_order_table, put_orders
from notifier.store.upgrade import upgrade
from notifier.wiring import entry, parts
from tests.sandbox.rig import Sandbox


@dataclass(slots=True)
class House:
    """environment: NOTIFIER_* that point at this house and nowhere else."""

    environment: dict[str, str]
    sandbox: Sandbox
    folder: Path
    fleets: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        with _environment(self.environment):
            return read_settings()

    def notifier(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "notifier", *arguments],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.folder,
            check=False,
        )

    def start_fleet(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Return when the fleet says that it is ready."""
        log = self.folder / f"fleet-{len(self.fleets)}.log"
        with log.open("wb") as output:
            fleet = subprocess.Popen(
                [sys.executable, "-m", "notifier", "run-consumers", *arguments],
                env=self.environment | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )
        self.fleets.append(fleet)
        wait_for(lambda: "fleet ready" in log.read_text() or fleet.poll() is not None, 60)
        assert fleet.poll() is None, log.read_text()
        return fleet

    def stop_fleets(self) -> None:
        for fleet in self.fleets:
            if fleet.poll() is None:
                fleet.send_signal(signal.SIGTERM)
        for fleet in self.fleets:
            try:
                fleet.wait(45)
            except subprocess.TimeoutExpired:
                fleet.kill()
                fleet.wait()

    def publish_orders(self, count: int, first: int = 1) -> list[OrderRecord]:
        """Open orders in the order table, accepted and due after the ladder's first delay."""
        records = self.put_orders(count, first)
        asyncio.run(self.accept([of_record(item) for item in records]))
        return records

    def put_orders(self, count: int, first: int = 1) -> list[OrderRecord]:
        """Open orders in the order table, their claim windows over; nothing is accepted."""
        records = [_record(number) for number in range(first, first + count)]

        async def put() -> None:
            async with parts.open_database(self.settings) as database:
                await put_orders(database, "tg_order_task", [_open_order(item) for item in records])

        asyncio.run(put())
        return records

    async def accept(self, submissions: Sequence[Submission]) -> None:
        async with entry.open_intake(self.settings) as intake:
            for start in range(0, len(submissions), 500):
                await intake.accept(submissions[start : start + 500])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async def fetch() -> list[tuple[Any, ...]]:
            async with parts.open_database(self.settings) as database:
                return await database.fetch(sql)

        return asyncio.run(fetch())

    def execute(self, sql: str) -> None:
        async def run() -> None:
            async with parts.open_database(self.settings) as database:
                await database.run(sql)

        asyncio.run(run())

    def states(self) -> Counter[str]:
        sql = "SELECT state, COUNT(*) FROM notifier_notification GROUP BY state"
        return Counter({row[0]: row[1] for row in self.rows(sql)})

    def effects(self) -> Counter[str]:
        """How often each openid was really told."""
        return Counter(row["openid"] for row in self.sandbox.control.effects())

    def effects_of(self, path: str) -> int:
        """How many webhooks a path of the sandbox has accepted."""
        return sum(row.get("path") == path for row in self.sandbox.control.effects())

    def expect_told_once(self, records: Sequence[OrderRecord], *, within_s: float) -> None:
        """Every designer and every publisher, nobody else; then the audit must be clean."""
        expected = 2 * len(records)
        wait_for(lambda: self.states()["sent"] >= expected, within_s, lambda: str(self.states()))
        told = self.effects()
        people = [record.openid for record in records] + [publisher_of(r) for r in records]
        assert told == Counter(people)
        self.expect_clean_audit()

    def expect_clean_audit(self) -> None:
        audit = self.notifier("audit", "--json")
        assert audit.returncode == 0, audit.stdout + audit.stderr

    def purge(self, queue: str, *, once_it_has: int) -> bool:
        """Drop what the broker has ready in a queue, once it is that much."""

        async def purge() -> bool:
            connection = await aio_pika.connect(self.environment["NOTIFIER_AMQP_URL"])
            async with connection, connection.channel() as channel:
                found = await channel.get_queue(queue, ensure=True)
                if (found.declaration_result.message_count or 0) < once_it_has:
                    return False
                await found.purge()
                return True

        return asyncio.run(purge())

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("fleet-*.log")))


def wait_for(
    condition: Callable[[], object], within_s: float, describe: Callable[[], str] = lambda: ""
) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within_s} s {describe()}")
        time.sleep(0.1)


def publisher_of(record: OrderRecord) -> str:
    return f"oPublisher_{record.order_id:08d}"


def _record(number: int) -> OrderRecord:
    return OrderRecord(
        order_no=f"1912{number:09d}",
        order_id=number,
        claim_deadline=datetime(2020, 1, 1, tzinfo=UTC),
        openid=f"oDesigner_{number:08d}",
        designer_name="李伟测试",
        designer_id=13926,
    )


def _open_order(record: OrderRecord) -> OpenOrder:
    return OpenOrder(
        order_id=record.order_id, order_no=record.order_no, publisher_openid=publisher_of(record)
    )


@contextmanager
def built(stack: Stack, sandbox: Sandbox, folder: Path, **changes: str) -> Iterator[House]:
    """A house in the stack, gone at the end. changes: of its environment."""
    name = f"t{uuid4().hex[:8]}"
    environment = _environment_of(stack, sandbox, folder, name) | changes
    house = House(environment=environment, sandbox=sandbox, folder=folder)
    asyncio.run(_furnish(house, stack.environment()["NOTIFIER_MYSQL_URL"], f"notifier_{name}"))
    try:
        yield house
    finally:
        house.stop_fleets()
        asyncio.run(_tear_down(stack.environment()["NOTIFIER_MYSQL_URL"], f"notifier_{name}"))


def _environment_of(stack: Stack, sandbox: Sandbox, folder: Path, name: str) -> dict[str, str]:
    own = stack.environment()
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("NOTIFIER_")},
        **own,
        "NOTIFIER_MYSQL_URL": own["NOTIFIER_MYSQL_URL"].rsplit("/", 1)[0] + f"/notifier_{name}",
        "NOTIFIER_AMQP_EXCHANGE": f"delay.{name}",
        "NOTIFIER_AMQP_QUEUE_PREFIX": f"{name}_queue",
        "NOTIFIER_AMQP_DEAD_QUEUE": f"{name}.dead",
        "NOTIFIER_REDIS_PREFIX": f"notifier:{name}:",
        "NOTIFIER_FLEET_RUN_DIR": str(folder / "run"),
        "NOTIFIER_WECHAT_APP_ID": APP_ID,
        "NOTIFIER_WECHAT_APP_SECRET": APP_SECRET,
        "NOTIFIER_WECHAT_BASE_URL": sandbox.addresses["data_url"],
        "NOTIFIER_WECHAT_CA_FILE": str(sandbox.addresses["ca_file"]),
        "NOTIFIER_SANDBOX_CONTROL_URL": sandbox.addresses["control_url"],
        "NOTIFIER_LOG_LEVEL": "debug",
    }


async def _furnish(house: House, admin_url: str, schema: str) -> None:
    admin = Database(MysqlOptions(url=admin_url))
    await admin.run(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4")
    await admin.close()
    settings = house.settings
    upgrade(parts.mysql_options(settings))
    async with parts.open_database(settings) as database:
        await make_order_table(database)
    await entry.apply_topology(settings)


async def _tear_down(admin_url: str, schema: str) -> None:
    admin = Database(MysqlOptions(url=admin_url))
    await admin.run(f"DROP DATABASE {schema}")
    await admin.close()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def json_of(text: str) -> Any:
    return orjson.loads(text)
