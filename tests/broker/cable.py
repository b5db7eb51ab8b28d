"""The network between us and the broker, with a hand on the plug."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

HOST = "127.0.0.1"


class Cable:
    """Forwards to a server. port: where to connect instead."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_plugged = True
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server
        self.port = 0

    def unplug(self) -> None:
        """End all connections and accept none."""
        self._is_plugged = False
        for writer in self._writers:
            writer.transport.abort()

    def plug(self) -> None:
        self._is_plugged = True

    def stall(self) -> None:
        """Keep the connections, move no byte."""
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        self.unplug()
        self.flow()
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._is_plugged:
                far_reader, far_writer = await asyncio.open_connection(*self._target)
                self._writers.add(far_writer)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, far_writer))
                    both.create_task(self._pump(far_reader, writer))
        finally:
            writer.transport.abort()
            self._writers.discard(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(65536):
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()
        writer.transport.abort()
        self._writers.discard(writer)


@asynccontextmanager
async def cable_to(host: str, port: int) -> AsyncIterator[Cable]:
    cable = Cable(host, port)
    await cable.start()
    try:
        yield cable
    finally:
        await cable.stop()
