"""The servers that all share: a private stack, the sink, and what the programs are told of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
from pamqp.commands import Queue

from benchmarks.peers.sink import Sink, running
from notifier.settings import Settings, read_settings
from notifier.stack import Stack
from notifier.stack.layout import CHECKOUT
from notifier.stack.process import process_tree
from notifier.store.playground import OpenOrder, make_order_table, put_orders
from notifier.wiring.parts import open_database

BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """servers: name and version of each. environ: for whatever runs here. folder: for logs.

    pids: of all processes of each server, by its name.
    """

    settings: Settings
    sink: Sink
    servers: Mapping[str, str]
    pids: Mapping[str, Sequence[int]]
    environ: Mapping[str, str]
    folder: Path

    def put_orders(self, orders: range) -> None:
        """These alone are in the table, open."""
        asyncio.run(self._put(orders))

    async def _put(self, orders: range) -> None:
        async with open_database(self.settings) as database:
            await make_order_table(database)
            await database.run("TRUNCATE TABLE tg_order_task")
            for first in range(0, len(orders), BATCH):
                some = [
                    OpenOrder(order_id=id_, order_no=f"peer-{id_}", publisher_openid="")
                    for id_ in orders[first : first + BATCH]
                ]
                await put_orders(database, "tg_order_task", some)

    def unclaimed(self) -> int:
        return asyncio.run(self._count("SELECT COUNT(*) FROM tg_order_task WHERE status <> 1"))

    def unrecorded(self) -> int:
        """Of notifier's own: what was told and is not yet written down."""
        sql = (
            "SELECT COUNT(*) FROM notifier_notification "
            "WHERE order_no LIKE 'peer-%' AND settled_at IS NULL"
        )
        return asyncio.run(self._count(sql))

    def rows(self, *, of_notifier: bool) -> int:
        """notifier has one of its own for each that it accepts; for the peers it is the order."""
        table = "notifier_notification" if of_notifier else "tg_order_task"
        return asyncio.run(self._count(f"SELECT COUNT(*) FROM {table}"))  # noqa: S608

    def forget_notifications(self) -> None:
        for table in ("notification", "attempt", "answer"):
            self.run(f"TRUNCATE TABLE notifier_{table}")

    def ready(self, queue: str) -> int:
        return asyncio.run(self._ask(queue)).message_count or 0

    def consumers(self, queue: str) -> int:
        return asyncio.run(self._ask(queue)).consumer_count or 0

    def purge(self, queue: str) -> None:
        asyncio.run(self._ask(queue, purge=True))

    def run(self, sql: str) -> None:
        asyncio.run(self._run(sql))

    def fetch(self, sql: str) -> Sequence[Sequence[Any]]:
        return asyncio.run(self._fetch(sql))

    async def _ask(self, queue: str, *, purge: bool = False) -> Queue.DeclareOk:
        url = self.settings.amqp.url.get_secret_value()
        async with await aio_pika.connect(url) as connection:
            found = await (await connection.channel()).declare_queue(queue, passive=True)
            if purge:
                await found.purge()
            return found.declaration_result

    async def _run(self, sql: str) -> None:
        async with open_database(self.settings) as database:
            await database.run(sql)

    async def _fetch(self, sql: str) -> Sequence[Sequence[Any]]:
        async with open_database(self.settings) as database:
            return await database.fetch(sql)

    async def _count(self, sql: str) -> int:
        return int((await self._fetch(sql))[0][0])


@contextmanager
def built(parent: Path | None) -> Iterator[House]:
    """parent: the folder, and so the disk, to build in; None for the system's temporary one."""
    folder = Path(tempfile.mkdtemp(prefix="notifier-peers-", dir=parent))
    with ExitStack() as closing:
        closing.callback(shutil.rmtree, folder)
        sink = closing.enter_context(running(folder / "sink"))
        stack = Stack(folder / "stack")
        closing.callback(stack.wipe)
        stack.up()
        os.environ.update(_environment(stack, sink, folder))
        for arguments in (["db", "upgrade"], ["topology", "apply"]):
            command = [sys.executable, "-m", "notifier", *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        status = stack.status()
        yield House(
            settings=read_settings(),
            sink=sink,
            servers={server.name: server.version or "?" for server in status},
            pids={
                server.name: sorted(process_tree(server.pid))
                for server in status
                if server.pid and server.name != "epmd"
            },
            environ=dict(os.environ),
            folder=folder,
        )


def _environment(stack: Stack, sink: Sink, folder: Path) -> dict[str, str]:
    for name in [name for name in os.environ if name.startswith(("NOTIFIER_", "PEERS_"))]:
        del os.environ[name]
    servers = stack.environment()
    return servers | {
        "PYTHONPATH": str(CHECKOUT),
        "PEERS_AMQP_URL": servers["NOTIFIER_AMQP_URL"],
        "PEERS_MYSQL_URL": servers["NOTIFIER_MYSQL_URL"],
        "PEERS_SINK_PORT": str(sink.port),
        "NOTIFIER_FLEET_RUN_DIR": str(folder / "run"),
        "NOTIFIER_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
        "NOTIFIER_EGRESS_ALLOW_HTTP": "true",
        "NOTIFIER_EGRESS_PORTS": "",
        # The job is one POST for each order, and each attempt is recorded once.
        "NOTIFIER_ORDERS_TELL_PUBLISHERS": "false",
        "NOTIFIER_LOG_CONSOLE": "false",
        "NOTIFIER_LOG_MYSQL": "false",
    }
