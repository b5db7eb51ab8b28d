"""aiohttp's server protocol, which here also tells when a request's first byte was received."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Any

from aiohttp import web

from notifier.sandbox.options import SERVER_NAME


class TimedProtocol(web.RequestHandler):
    """One connection."""

    __slots__ = ("_first_byte_at", "gone")

    def __init__(self, manager: web.Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._first_byte_at = 0.0
        self.gone = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Note the moment if a request begins here."""
        if not self._first_byte_at:
            self._first_byte_at = time.time()
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let those go on who wait for the caller to give up."""
        self.gone.set()
        super().connection_lost(exc)

    def first_byte_at(self) -> float:
        """Epoch seconds of the request under way; now, if it came along with the one before."""
        return self._first_byte_at or time.time()

    def expect_next(self) -> None:
        """The request has been read: what is received from now on is another's."""
        self._first_byte_at = 0.0

    def reset(self) -> None:
        """End the connection with a TCP reset instead of a farewell."""
        if self.transport is None:
            return
        raw = self.transport.get_extra_info("socket")
        with socket.socket(fileno=socket.dup(raw.fileno())) as connection:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    def handle_error(self, *arguments: Any, **named: Any) -> web.StreamResponse:
        """Answers to what is no HTTP bear the sandbox's name too."""
        response = super().handle_error(*arguments, **named)
        response.headers["Server"] = SERVER_NAME
        return response


class TimedServer(web.Server):
    """Accepts connections that are TimedProtocols."""

    def __call__(self) -> web.RequestHandler:
        """A protocol for a new connection; bodies stay as they were sent, packed or not."""
        return TimedProtocol(self, loop=self._loop, access_log=None, auto_decompress=False)
