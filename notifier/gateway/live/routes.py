"""The HTTP side of live push: tickets, topics, acknowledgements, and the stream."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from notifier.domain.api_key import Scope as KeyScope
from notifier.domain.live import check_ids
from notifier.domain.ticket import ticket_of
from notifier.domain.topic import check_topic
from notifier.errors import InvalidInput
from notifier.gateway.keys import Keys
from notifier.gateway.live.frames import frame
from notifier.gateway.live.hub import Hub
from notifier.gateway.live.session import Limits, Session
from notifier.gateway.live.stream import EventStream, last_id
from notifier.gateway.live.talk import Talk
from notifier.gateway.live.websocket import Door
from notifier.gateway.problem import Problem
from notifier.settings import Settings
from notifier.wiring.live import LiveTools


class TicketForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str = Field(description="Whose pushes and tasks the browser may have.")
    topics: list[str] | None = Field(
        None, description="What it may follow, as order:17 or order:*; left out: [live] topics."
    )


class TicketMade(BaseModel):
    ticket: str = Field(description="For one connection, once; it is shown only here.")
    expires_in_s: float


class AckForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    stream: str = Field(description="`stream` of the welcome event.")
    ids: list[str] = Field(description="Pushes that the client has.")


class LiveRoutes:
    def __init__(
        self,
        settings: Settings,
        tools: LiveTools,
        *,
        keys: Keys,
        hub: Hub,
        talk: Talk,
        door: Door,
        limits: Limits,
    ) -> None:
        self._settings = settings.live
        self._tools = tools
        self._keys = keys
        self._hub = hub
        self._talk = talk
        self._door = door
        self._limits = limits

    def add_to(self, router: APIRouter) -> None:
        add = router.add_api_route
        add(
            "/v1/tickets",
            self.make_ticket,
            methods=["POST"],
            status_code=201,
            summary="Let a browser connect",
        )
        add(
            "/v1/topics/{topic}",
            self.publish,
            methods=["POST"],
            status_code=202,
            summary="Tell all who follow a topic",
        )
        add(
            "/v1/acks",
            self.acknowledge,
            methods=["POST"],
            summary="Acknowledge pushes of a stream",
        )
        add(
            "/v1/stream",
            self.stream,
            methods=["GET"],
            response_class=Response,
            summary="Pushes and topics as server-sent events",
        )

    async def make_ticket(self, form: TicketForm, request: Request) -> TicketMade:
        """A ticket is good for one WebSocket or stream of this user, for a short while.

        Scope: live.
        """
        await self._keys.require(request, KeyScope.LIVE)
        topics = self._settings.topics if form.topics is None else form.topics
        ticket = ticket_of(form.user, topics)
        lives = timedelta(seconds=self._settings.ticket_s)
        secret = await self._tools.tickets.issue(ticket, lives=lives)
        return TicketMade(ticket=secret, expires_in_s=lives.total_seconds())

    async def publish(self, topic: str, request: Request) -> JSONResponse:
        """The body is the value: JSON, or else taken as a text. It is kept as the last one.

        Scope: live.
        """
        await self._keys.require(request, KeyScope.LIVE)
        value = await request.body()
        most = self._settings.largest_bytes
        if not value or len(value) > most:
            raise InvalidInput("body", f"has {len(value)} bytes; 1 to {most} can be told")
        gateways = await self._tools.topics.publish(check_topic(topic), value)
        return JSONResponse({"topic": topic, "gateways": gateways}, 202)

    async def acknowledge(self, form: AckForm) -> JSONResponse:
        """The `stream` of the welcome event stands for the user; no key is needed."""
        user = await self._tools.tickets.user_of_stream(form.stream)
        if user is None:
            raise Problem(401, "this stream is not known; open another one with a new ticket")
        ids = list(check_ids(form.ids))
        session = self._hub.bound_to(user)
        if session is not None:
            await self._talk.acknowledge(session, ids)
        else:
            await self._tools.pushes.acknowledge(user, ids)
        return JSONResponse({"acked": [str(id_) for id_ in ids]})

    async def stream(
        self,
        request: Request,
        ticket: Annotated[str, Query(description="From POST /v1/tickets.")],
        topics: Annotated[str, Query(description="Comma-separated.")] = "",
        after: Annotated[str, Query(description="The last id that the client has.")] = "",
        last_event_id: Annotated[str, Header()] = "",
    ) -> Response:
        """One event a message, as on the WebSocket; begins with `welcome`.

        On an error ask for a new ticket, and open it again with `after`.
        """
        refusal = self._door.refusal(request.scope)
        if refusal is not None:
            raise Problem(*refusal)
        seen = last_id(last_event_id or after)
        names = [check_topic(name.strip()) for name in topics.split(",") if name.strip()]

        async def begin(session: Session) -> None:
            await self._begin(session, ticket)
            for name in names:
                session.write(await self._talk.subscribe(session, name))
            await self._talk.bind(session, seen)

        return _Streaming(EventStream(self._hub, begin, limits=self._limits))

    async def _begin(self, session: Session, ticket: str) -> None:
        if not await self._talk.admit(session, ticket):
            raise Problem(401, "the ticket is used, too old, or none of ours; ask for a new one")
        lives = timedelta(seconds=self._settings.session_s + 60)
        stream = await self._tools.tickets.open_stream(session.user, lives=lives)
        session.write(frame("welcome", user=session.user, stream=stream))


class _Streaming(Response):
    def __init__(self, stream: EventStream) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        await self._stream(scope, receive, send)
