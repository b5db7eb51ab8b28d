"""What a gateway does for a client: every request has exactly one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from notifier.channels.push import frame as push_frame
from notifier.domain import live
from notifier.domain import live_command as said
from notifier.domain.notice import Notice
from notifier.domain.notification import ChannelName
from notifier.domain.order import shorten
from notifier.domain.reminder import Reminder, notice_of
from notifier.domain.submission import Accepted
from notifier.domain.topic import may_follow
from notifier.errors import InvalidInput, NotifierError, Unavailable
from notifier.gateway.live import frames
from notifier.gateway.live.frames import Frame, frame, moment
from notifier.gateway.live.hub import Hub
from notifier.gateway.live.ports import Pushes, Tickets
from notifier.gateway.live.session import Awaited, Close, Session

log = structlog.get_logger(__name__)

MOST_RESUMED = 200
"""Pushes that one resume hands over; the client asks again for more."""
AT_ONCE = timedelta(0)

Ref = str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """submit: accepts a notice; raises NotifierError. tasks: the names of the registry."""

    hub: Hub
    tickets: Tickets
    pushes: Pushes
    submit: Callable[[Notice], Awaitable[Accepted]]
    tasks: Collection[str]


class Talk:
    """One for all clients; `take` may run for many of them at once, for one after the other."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._hub = desk.hub
        self._resuming: set[asyncio.Task[None]] = set()
        desk.hub.on_return = self._resume_soon

    async def take(self, session: Session, text: str) -> None:
        """Answer one message. Raises nothing but CancelledError."""
        if not session.may_speak():
            session.close(Close.FLOOD, "more messages than allowed")
            return
        request = live.read(text)
        try:
            if request.command is None:
                raise request.fault or InvalidInput("message", "cannot be read")
            answer = await self._follow(session, request.command, request.ref)
        except InvalidInput as error:
            answer = _error(request, error.field, str(error).removeprefix(f"{error.field}: "))
        except Unavailable as error:
            log.warning("live.not_done", cmd=request.cmd, error=str(error))
            answer = _error(request, request.cmd, "a server does not answer now; try again")
        except NotifierError as error:
            log.error("live.refused", cmd=request.cmd, error=str(error))
            answer = _error(request, request.cmd, "is not possible here; the log says why")
        if answer is not None:
            session.write(answer)

    async def resume(self, session: Session, after: UUID | None) -> tuple[int, bool]:
        """(pushes handed over, whether there are more). Raises Unavailable, StoreError."""
        owed = await self._desk.pushes.owed_to(session.user, after=after, most=MOST_RESUMED + 1)
        count = 0
        for one in owed[:MOST_RESUMED]:
            if session.awaited and one.id in session.awaited:
                continue
            body = Frame(push_frame.encode(one.notification), one.id)
            count += 1
            if one.is_owed:
                session.push(body, Awaited(b"", 0))
            else:
                session.write(body)
        return count, len(owed) > MOST_RESUMED

    async def acknowledge(self, session: Session, ids: Sequence[UUID]) -> None:
        """Raises Unavailable, StoreError."""
        owed = set(session.awaited or ()) & set(ids)
        late = [id_ for id_ in ids if not await self._hub.acknowledge(session, id_)]
        if owed:
            session.give_back()
        if late:
            await self._desk.pushes.acknowledge(session.user, late)

    async def admit(self, session: Session, secret: str) -> bool:
        """Raises Unavailable. False: it is closed."""
        ticket = await self._desk.tickets.redeem(secret)
        if ticket is None:
            session.close(Close.TICKET, "the ticket is used, too old, or none of ours")
            return False
        if not self._hub.admit(session, ticket.user, ticket.topics):
            session.close(Close.CROWD, "too many connections of this user")
            return False
        return True

    async def bind(self, session: Session, after: UUID | None, ref: Ref = None) -> None:
        """The answer comes before the pushes that are owed. Raises Unavailable, StoreError."""
        is_live = await self._hub.bind(session)
        session.write(frame("bound", ref=ref, user=session.user, live=is_live))
        count, more = await self.resume(session, after)
        session.write(frame("resumed", count=count, more=more))

    async def subscribe(self, session: Session, topic: str, ref: Ref = None) -> Frame:
        """Raises InvalidInput."""
        if not may_follow(topic, session.patterns):
            raise InvalidInput("topic", f"{shorten(topic)} is not among those the ticket allows")
        topics = session.topics or ()
        if len(topics) >= session.most_topics and topic not in topics:
            raise InvalidInput(
                "topic", f"is one too many: at most {session.most_topics}; unsubscribe from another"
            )
        try:
            last = await self._hub.subscribe(session, topic)
        except Unavailable:
            last = None
        return frames.subscribed(topic, last, ref=ref)

    async def _follow(self, session: Session, command: said.Command, ref: Ref) -> Frame | None:
        match command:
            case said.Ping():
                return frame("pong", ref=ref)
            case said.Auth(ticket=secret):
                return await self._auth(session, secret, ref)
        if not session.user:
            raise InvalidInput("cmd", 'comes too early: first {"cmd": "auth", "ticket": "…"}')
        match command:
            case said.Bind(user=user, after=after):
                await self._bind(session, user, after, ref)
                return None
            case said.Resume(after=after):
                count, more = await self.resume(session, after)
                return frame("resumed", ref=ref, count=count, more=more)
            case said.Subscribe(topic=topic):
                return await self.subscribe(session, topic, ref)
            case said.Unsubscribe(topic=topic):
                self._hub.unsubscribe(session, topic)
                return frame("unsubscribed", ref=ref, topic=topic)
            case said.Ack(ids=ids):
                await self.acknowledge(session, ids)
                return frame("acked", ref=ref, ids=[str(id_) for id_ in ids])
            case said.Remind():
                return await self._remind(session, command, ref)
            case said.Task():
                return await self._task(session, command, ref)

    async def _auth(self, session: Session, secret: str, ref: Ref) -> Frame | None:
        if session.user:
            raise InvalidInput("cmd", "auth was done; open another connection for another user")
        if not await self.admit(session, secret):
            return None
        return frame("welcome", ref=ref, user=session.user)

    async def _bind(self, session: Session, user: str | None, after: UUID | None, ref: Ref) -> None:
        if user is not None and user != session.user:
            raise InvalidInput("user", f"{shorten(user)} is not the one that the ticket is for")
        await self.bind(session, after, ref)

    async def _remind(self, session: Session, asked: said.Remind, ref: Ref) -> Frame:
        reminder = Reminder(
            user=session.user,
            channel=ChannelName.PUSH,
            at=asked.at,
            after=asked.after,
            reserved_at=asked.reserved_at,
            order_no=asked.order_no,
            idempotency_key=asked.key and f"remind:{session.user}:{asked.key}",
        )
        notice = notice_of(reminder, now=datetime.now(UTC), zone=UTC)
        try:
            accepted = await self._desk.submit(notice)
        except Unavailable as error:
            log.warning("live.not_accepted", cmd="remind", error=str(error))
            return frame("failed", ref=ref, cmd="remind", info=frames.ORDER_FAILED)
        return frame(
            "accepted",
            ref=ref,
            id=str(accepted.id),
            due_at=moment(accepted.due_at),
            new=accepted.new,
            info=frames.RECEIPT,
        )

    async def _task(self, session: Session, asked: said.Task, ref: Ref) -> Frame:
        if asked.name not in self._desk.tasks:
            return _not_submitted(asked.name, ref)
        notice = Notice(
            channel=ChannelName.TASK,
            recipient=session.user,
            template=asked.name,
            payload=asked.args,
            delay=AT_ONCE,
            idempotency_key=asked.key and f"task:{session.user}:{asked.key}",
        )
        try:
            accepted = await self._desk.submit(notice)
        except Unavailable as error:
            log.warning("live.not_accepted", cmd="task", error=str(error))
            return _not_submitted(asked.name, ref)
        return frame(
            "task", ref=ref, code=202, info=frames.SUBMITTED, name=asked.name, id=str(accepted.id)
        )

    def _resume_soon(self, session: Session) -> None:
        """Redis was away: what should have come meanwhile is owed."""
        task = asyncio.create_task(self._resume_quietly(session))
        self._resuming.add(task)
        task.add_done_callback(self._resuming.discard)

    async def _resume_quietly(self, session: Session) -> None:
        try:
            await self.resume(session, None)
        except NotifierError as error:
            log.warning("live.not_resumed", error=str(error))


def _not_submitted(name: str, ref: Ref) -> Frame:
    return frame("task", ref=ref, code=404, info=frames.NOT_SUBMITTED, name=name)


def _error(request: live.Request, field: str, text: str) -> Frame:
    return frame("error", ref=request.ref, cmd=request.cmd, field=field, error=text)
