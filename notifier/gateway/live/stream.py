"""Server-sent events, where a WebSocket cannot be had. Source: HTML, section 9.2."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from uuid import UUID

import orjson
import structlog
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from notifier.errors import InvalidInput
from notifier.gateway.keys import address_of
from notifier.gateway.live.frames import Frame
from notifier.gateway.live.hub import Hub
from notifier.gateway.live.session import Limits, Session

log = structlog.get_logger(__name__)

COMMENT_EVERY_S = 15.0
"""So that proxies in between do not take the stream for dead, and we hear of clients that are."""
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]

Begin = Callable[[Session], Awaitable[None]]
"""Admit, bind and subscribe. Raises NotifierError."""


class StreamPeer:
    """Implements `notifier.gateway.live.session.Peer`: what is written waits for the response."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self.is_over = False

    def write(self, frame: Frame) -> None:
        if not self.is_over:
            self._put(frame.sse)

    def waiting(self) -> int:
        return self._size

    def close(self, code: int, reason: str) -> None:
        if not self.is_over:
            self._put(b"event: close\ndata: %b\n\n" % orjson.dumps({"code": code, "why": reason}))
            self.end()

    def end(self) -> None:
        self.is_over = True
        self._news.set()

    async def next(self) -> bytes:
        """What has come, together; a comment after a while; b"" at the end."""
        if not self._chunks and not self.is_over:
            try:
                async with asyncio.timeout(COMMENT_EVERY_S):
                    await self._news.wait()
            except TimeoutError:
                return b": still here\n\n"
        self._news.clear()
        body = b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        return body

    def _put(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._news.set()


class EventStream:
    """An ASGI response: admits before it answers, so that a refusal has a status of its own."""

    def __init__(self, hub: Hub, begin: Begin, *, limits: Limits) -> None:
        self._hub = hub
        self._begin = begin
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = StreamPeer()
        address = address_of(HTTPConnection(scope))
        session = Session(peer, address=address, kind="sse", limits=self._limits)
        self._hub.enter(session)
        leaving = asyncio.create_task(_until_gone(receive, peer))
        try:
            await self._begin(session)
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            while True:
                is_over = peer.is_over
                body = await peer.next()
                await send({"type": "http.response.body", "body": body, "more_body": True})
                if is_over:
                    break
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._hub.leave(session)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)


async def _until_gone(receive: Receive, peer: StreamPeer) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    peer.end()


def last_id(text: str) -> UUID | None:
    """Raises InvalidInput."""
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidInput("after", f"{text[:64]!r} is no id of a push") from None
