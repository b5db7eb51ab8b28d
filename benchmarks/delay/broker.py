"""A broker that nobody else uses, and what it takes of the machine."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.delay.wire import Wire, connect
from notifier.stack import Stack, layout
from notifier.stack.process import process_tree

MB = 1_000_000
_READY_TRIES = 40
_HOLD_QUEUE = re.compile(r"\.(hold|final)\.\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """MB (10^6 bytes). erlang: erlang:memory(total). resident: of the broker's process."""

    erlang: float
    resident: float


class Broker:
    """A single node, of the series that RABBITMQ_LIB names or the machine has installed."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient) -> None:
        self._http = http
        self.url = stack.environment()["NOTIFIER_AMQP_URL"]
        # The largest of its processes is Erlang's virtual machine, the others are scripts.
        self._pid = max(process_tree(stack.rabbitmq.status().pid or 0), key=_resident_mb)
        self._node = ""
        self.version = ""

    async def identify(self) -> None:
        """The management API of RabbitMQ 4.3 answers with 500 for a moment after the start."""
        for _ in range(_READY_TRIES):
            if not (await self._http.get("/api/overview")).is_server_error:
                break
            await asyncio.sleep(0.5)
        overview = await self._get("overview")
        self._node = overview["node"]
        self.version = (
            f"RabbitMQ {overview['rabbitmq_version']}, Erlang {overview['erlang_version']}"
        )

    async def wire(self) -> Wire:
        return await connect(self.url)

    async def memory(self) -> Memory:
        """As the management API's node memory breakdown says, once it has come to rest.

        That is when a second's change is below 1 MB, or after ten seconds.
        """
        reading = await self._memory()
        for _ in range(10):
            await asyncio.sleep(1)
            before, reading = reading, await self._memory()
            if abs(reading.erlang - before.erlang) < 1:
                break
        return reading

    def most_resident_mb(self) -> float:
        """Since it started."""
        return _resident_mb(self._pid, "VmHWM")

    async def hold_queues(self) -> int:
        """How many there are, of all exchanges and tiers."""
        queues = await self._get("queues?columns=name")
        return sum(1 for queue in queues if _HOLD_QUEUE.search(queue["name"]))

    async def _memory(self) -> Memory:
        answer = await self._get(f"nodes/{self._node}/memory")
        return Memory(
            erlang=answer["memory"]["total"]["erlang"] / MB, resident=_resident_mb(self._pid)
        )

    async def _get(self, path: str) -> Any:
        answer = await self._http.get(f"/api/{path}")
        return answer.raise_for_status().json()


@asynccontextmanager
async def private_broker(parent: Path | None) -> AsyncIterator[Broker]:
    """An empty one, started now and gone afterwards with all that it held.

    parent: the folder, and so the disk, that its own folder is made in; None for the system's
    temporary folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="notifier-benchmark-", dir=parent))
    stack = Stack(folder / "stack")
    try:
        await asyncio.to_thread(_start, stack)
        management = stack.environment()["NOTIFIER_AMQP_MANAGEMENT_URL"]
        async with httpx.AsyncClient(base_url=management, timeout=30, trust_env=False) as http:
            broker = Broker(stack, http)
            await broker.identify()
            yield broker
    finally:
        stack.wipe()
        shutil.rmtree(folder)


def _start(stack: Stack) -> None:
    """Only what is measured: no database beside it."""
    stack.folder.mkdir(mode=0o700)
    layout.create(stack.folder)
    stack.epmd.start()
    stack.rabbitmq.start()


def _resident_mb(pid: int, field: str = "VmRSS") -> float:
    """Source: proc(5), status: VmRSS is now and VmHWM the most so far, in KiB."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024 / MB
    return 0.0
