"""A client of the gateway that costs next to nothing, so that thousands fit into one process."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from typing import Any

import orjson

_REQUEST = (
    "GET /v1/live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Client(asyncio.Protocol):
    """arrived_ns: of each topic's message, how long after the moment that it carries."""

    def __init__(self, host: str, port: int, arrived_ns: list[int]) -> None:
        self._request = _REQUEST.format(host=host, port=port).encode()
        self._arrived_ns = arrived_ns
        self._buffer = b""
        self._is_upgraded = False
        self.upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.upgraded, *(future for _, future in self._waiting)):
            if not future.done():
                future.set_exception(ConnectionError("the gateway closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise ConnectionError(head.decode())
            self._is_upgraded, self._buffer = True, rest
            if not self.upgraded.done():
                self.upgraded.set_result(None)
        while frame := self._next():
            self._take(*frame)

    async def ask(self, answer: str, **fields: object) -> None:
        """Say it, and wait for the event of this name. Raises ConnectionError."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((answer, future))
        self._write(TEXT, orjson.dumps(fields))
        await future

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _write(self, opcode: int, body: bytes) -> None:
        # A mask of zeros changes nothing, and is one.
        size = len(body)
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size) if size < 126 else b""
        head = head or struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        if self._transport is not None:
            self._transport.write(head + b"\0\0\0\0" + body)

    def _next(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size == 126:
            if len(buffer) < 4:
                return None
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        return buffer[0] & 0x0F, buffer[start : start + size]

    def _take(self, opcode: int, body: bytes) -> None:
        if opcode == PING:
            self._write(PONG, body)
        elif opcode == TEXT:
            event = orjson.loads(body)
            if event["event"] == "message":
                self._arrived_ns.append(time.monotonic_ns() - event["data"]["at_ns"])
            elif self._waiting and self._waiting[0][0] == event["event"]:
                future = self._waiting.popleft()[1]
                if not future.done():
                    future.set_result(None)
