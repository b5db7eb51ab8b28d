"""The WebSocket: who may open one, and the loop of its messages."""

from __future__ import annotations

from urllib.parse import urlsplit

import orjson
import structlog
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from notifier.errors import NotifierError
from notifier.gateway.keys import address_of
from notifier.gateway.live.hub import Hub
from notifier.gateway.live.session import Close, Limits, Session
from notifier.gateway.live.talk import Talk
from notifier.gateway.live.wire import EXTENSION, Wire

log = structlog.get_logger(__name__)


class Door:
    """Who may come in at all. origins: allowed beside the gateway's own; "*" for any."""

    def __init__(self, hub: Hub, *, origins: tuple[str, ...]) -> None:
        self._hub = hub
        self._origins = origins

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """(HTTP status, why), None for who may come in.

        Without an Origin it is no browser that another site's page could steer.
        """
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if origin and not self._is_allowed(origin, headers.get(b"host", b"").decode("latin-1")):
            return 403, f"Origin {origin[:200]} is not allowed; see [gateway] origins"
        if not self._hub.has_room_for(address_of(HTTPConnection(scope))):
            return 503, "too many connections; try again later"
        return None

    def _is_allowed(self, origin: str, host: str) -> bool:
        return (
            "*" in self._origins
            or origin in self._origins
            or (origin.startswith("http") and urlsplit(origin).netloc == host.lower())
        )


class LiveSocket:
    """The ASGI application of `/v1/live`."""

    def __init__(self, hub: Hub, talk: Talk, door: Door, limits: Limits) -> None:
        self._hub = hub
        self._talk = talk
        self._door = door
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire = scope["extensions"].get(EXTENSION)
        if not isinstance(wire, Wire):
            raise NotifierError("WebSockets need notifier.gateway.live.wire.Wire under Uvicorn")
        await receive()
        refusal = self._door.refusal(scope)
        if refusal is not None:
            log.info("live.refused", status=refusal[0], why=refusal[1])
            await _refuse(send, *refusal)
            return
        await send({"type": "websocket.accept"})
        session = Session(
            wire, address=address_of(HTTPConnection(scope)), kind="websocket", limits=self._limits
        )
        self._hub.enter(session)
        try:
            await self._listen(session, receive)
        finally:
            self._hub.leave(session)

    async def _listen(self, session: Session, receive: Receive) -> None:
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            if text is None:
                session.close(Close.NOT_TEXT, "send text, JSON")
            elif not session.is_closing:
                await self._talk.take(session, text)


async def _refuse(send: Send, status: int, why: str) -> None:
    body = orjson.dumps({"type": "about:blank", "status": status, "detail": why})
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
