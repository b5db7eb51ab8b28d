"""The overview as it changes: over a WebSocket, or as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from notifier.dispatch.login import Login
from notifier.errors import StoreUnavailable
from notifier.gateway.pages.assets import PRIVATE
from notifier.gateway.pages.feed import Feed, Seen
from notifier.gateway.pages.sessions import check_origin, session_of, token_of
from notifier.gateway.problem import Problem

EVERY_S = 1.0
STILL_LET_IN_S = 15.0
"""How often a stream asks whether its session still lasts."""
SLOWEST_S = 10.0
"""A viewer that takes longer for one document is dropped; it comes back."""
MOST_VIEWERS = 200
LOGGED_OUT, FULL, AGAIN = 4401, 4503, 4408


@dataclass(slots=True)
class Streams:
    feed: Feed
    login: Login
    draining: asyncio.Event
    viewers: int = 0

    async def websocket(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            check_origin(socket)
            await session_of(socket, self.login)
        except Problem:
            await socket.close(LOGGED_OUT)
            return
        except StoreUnavailable:
            await socket.close(AGAIN)
            return
        with contextlib.suppress(WebSocketDisconnect, TimeoutError, RuntimeError):
            code = await self._serve(socket)
            await socket.close(code)

    async def events(self, request: Request) -> Response:
        await session_of(request, self.login)
        if self.viewers >= MOST_VIEWERS:
            raise Problem(503, f"{MOST_VIEWERS} look already")
        return StreamingResponse(
            self._events(request),
            media_type="text/event-stream",
            headers={**PRIVATE, "x-accel-buffering": "no"},
        )

    async def _serve(self, socket: WebSocket) -> int:
        if self.viewers >= MOST_VIEWERS:
            return FULL
        reading = asyncio.create_task(_read_on(socket))
        try:
            async with contextlib.aclosing(self._documents(socket, reading)) as documents:
                async for document in documents:
                    async with asyncio.timeout(SLOWEST_S):
                        await socket.send_text(document.decode())
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return AGAIN if self.draining.is_set() else LOGGED_OUT

    async def _events(self, request: Request) -> AsyncIterator[bytes]:
        async with contextlib.aclosing(self._documents(request, None)) as documents:
            async for document in documents:
                yield b"data: " + document + b"\n\n"
        if not self.draining.is_set():
            yield b"event: logged_out\ndata: {}\n\n"

    async def _documents(
        self, connection: HTTPConnection, gone: asyncio.Task[None] | None
    ) -> AsyncGenerator[bytes, None]:
        """One a second, until the session is over, the viewer gone, or the process drains."""
        seen, checked_s = Seen(), time.monotonic()
        ends = [asyncio.create_task(self.draining.wait()), *([gone] if gone else [])]
        with self._counted():
            try:
                while not any(end.done() for end in ends):
                    if time.monotonic() - checked_s > STILL_LET_IN_S:
                        checked_s = time.monotonic()
                        if not await self._is_let_in(connection):
                            return
                    yield await self.feed.look(seen)
                    await asyncio.wait(ends, timeout=EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ends[0].cancel()

    async def _is_let_in(self, connection: HTTPConnection) -> bool:
        try:
            return await self.login.who(token_of(connection)) is not None
        except StoreUnavailable:
            return True  # whoever looks shall see that MySQL is away

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self.viewers += 1
        try:
            yield
        finally:
            self.viewers -= 1


async def _read_on(socket: WebSocket) -> None:
    """What a page says means nothing; that it is gone does."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()
