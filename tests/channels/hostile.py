"""Servers and name servers that mean no good, each on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from notifier.channels.lookup import Found

Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


class Listener:
    """port: where it listens. peers: the client's port of each request, in order."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.peers: list[int] = []


@asynccontextmanager
async def listening(talk: Talk, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Listener]:
    """Read a request, let `talk` write what it likes, and again on the same connection."""
    listener = Listener()
    talks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(head))
                listener.peers.append(writer.get_extra_info("peername")[1])
                await talk(writer)
                if b"connection: close" in head.lower() or writer.is_closing():
                    break
        writer.close()
        talks.discard(task)

    server = await asyncio.start_server(serve, host, port)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for task in list(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


class ScriptedResolver:
    """Answers each question with the next list of addresses; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.questions: list[str] = []

    async def resolve(self, host: str, port: int) -> list[Found]:
        self.questions.append(host)
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            Found(
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                address=(address, port),
            )
            for address in addresses
        ]


def saying(*parts: bytes, close: bool = False) -> Talk:
    """Write these, and close the connection if asked to."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(parts))
        await writer.drain()
        if close:
            writer.close()

    return talk


def endless(first: bytes, again: bytes, *, pause_s: float = 0) -> Talk:
    """Write the one, then the other until the client has enough."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return talk


def answering(body: bytes, *headers: bytes) -> Talk:
    """A proper answer that keeps the connection."""
    head = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return saying(b"\r\n".join(head), b"\r\n\r\n", body)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
