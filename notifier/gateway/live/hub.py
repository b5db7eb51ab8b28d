"""All clients of one gateway process, and the way of what they are told to them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

import structlog

from notifier.errors import StoreUnavailable
from notifier.gateway.live.frames import Frame, message
from notifier.gateway.live.ports import Feed, HubLimits, Topics
from notifier.gateway.live.roll import roll_of
from notifier.gateway.live.session import Awaited, Close, Session
from notifier.store.live_channels import Handed

log = structlog.get_logger(__name__)

KEEP_EVERY_S = 0.2
"""How often the last values that came meanwhile are written down."""
LOOK_EVERY_S = 1.0


@dataclass(slots=True)
class _Room:
    """Who follows a topic. heard: messages since the first came in."""

    sessions: set[Session] = field(default_factory=set)
    heard: int = 0


class Hub:
    """Implements `notifier.store.push_feed.Hearer`. `feed` is set before anything else."""

    feed: Feed

    def __init__(self, topics: Topics, limits: HubLimits) -> None:
        self._topics = topics
        self._limits = limits
        self._rooms: dict[str, _Room] = {}
        self._bound: dict[str, set[Session]] = {}
        self._people: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()
        self._fresh: dict[str, bytes] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self.sessions: set[Session] = set()
        self.on_return: Callable[[Session], None] = lambda session: None

    def has_room_for(self, address: str) -> bool:
        limits = self._limits
        return len(self.sessions) < limits.clients and self._addresses[address] < limits.per_address

    def enter(self, session: Session) -> None:
        self.sessions.add(session)
        self._addresses[session.address] += 1

    def leave(self, session: Session) -> None:
        """Harmless when it has left already."""
        if session not in self.sessions:
            return
        self.sessions.discard(session)
        _less(self._addresses, session.address)
        for topic in session.topics or ():
            self._leave_room(session, topic)
        if session.user:
            _less(self._people, session.user)
        if session.bound and (bound := self._bound.get(session.user)):
            bound.discard(session)
            if not bound:
                del self._bound[session.user]
                self.feed.leave(session.user)

    def admit(self, session: Session, user: str, patterns: tuple[str, ...]) -> bool:
        """False where the user has too many connections already."""
        if self._people[user] >= self._limits.per_user:
            return False
        self._people[user] += 1
        session.user, session.patterns = user, patterns
        return True

    async def bind(self, session: Session) -> bool:
        """From now on it is told what its user is told. False while Redis is away."""
        session.bound = True
        bound = self._bound.setdefault(session.user, set())
        bound.add(session)
        self.feed.follow(session.user)
        return await self.feed.follows(session.user)

    async def subscribe(self, session: Session, topic: str) -> bytes | None:
        """The last value; None where there is none, or a newer one has been told meanwhile.

        Raises StoreUnavailable: it is subscribed, and the last value is not known.
        """
        if session.topics is None:
            session.topics = set()
        session.topics.add(topic)
        room = self._rooms.setdefault(topic, _Room())
        room.sessions.add(session)
        heard = room.heard
        last = self._fresh.get(topic) or await self._topics.last(topic)
        return last if room.heard == heard else None

    def unsubscribe(self, session: Session, topic: str) -> None:
        if session.topics and topic in session.topics:
            session.topics.discard(topic)
            self._leave_room(session, topic)

    async def acknowledge(self, session: Session, id_: UUID) -> bool:
        """Tell the process of the fleet that waits; False where MySQL has to be told instead."""
        awaited = session.acknowledged(id_)
        for other in self._bound.get(session.user, ()):
            awaited = other.acknowledged(id_) or awaited
        if awaited is None or not awaited.reply or monotonic() > awaited.until_s:
            return False
        try:
            return await self.feed.acknowledge(awaited.reply, id_)
        except StoreUnavailable:
            return False

    def bound_to(self, user: str) -> Session | None:
        return next(iter(self._bound.get(user, ())), None)

    def pushed(self, user: str, handed: Handed) -> None:
        sessions = self._bound.get(user)
        if not sessions:
            return
        frame = Frame(handed.frame, handed.id)
        awaited = Awaited(handed.reply, monotonic() + self._limits.ack_s)
        for session in tuple(sessions):
            session.push(frame, awaited)

    def said(self, topic: str, value: bytes) -> None:
        if len(value) > self._limits.value:
            log.warning("live.value_too_large", topic=topic, size=len(value))
            return
        if len(self._fresh) < self._limits.kept or topic in self._fresh:
            self._fresh[topic] = value
        room = self._rooms.get(topic)
        if room is None:
            return
        room.heard += 1
        frame = message(topic, value)
        for session in tuple(room.sessions):
            session.write(frame)

    def asked(self, reply: bytes, most: int) -> None:
        task = asyncio.create_task(self._answer(reply, most))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    def returned(self) -> None:
        """What is owed meanwhile is told by those who know it."""
        for sessions in self._bound.values():
            for session in sessions:
                self.on_return(session)

    def close_all(self, code: Close, reason: str, *, kind: str) -> None:
        for session in tuple(self.sessions):
            if session.kind == kind:
                session.close(code, reason)

    async def keep(self) -> None:
        """Write the last values down, for whoever subscribes later; never returns."""
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            if not self._fresh:
                continue
            values = dict(self._fresh)
            try:
                await self._topics.keep(values)
            except StoreUnavailable:
                continue
            for topic, value in values.items():
                if self._fresh.get(topic) is value:
                    del self._fresh[topic]

    async def look(self) -> None:
        """End who shows no ticket, and who was here long enough; never returns."""
        limits = self._limits
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now_s = monotonic()
            for session in tuple(self.sessions):
                age_s = now_s - session.since_s
                if not session.user and age_s > limits.auth_s:
                    session.close(Close.TICKET, "no ticket in time")
                elif age_s > limits.session_s:
                    session.close(Close.TICKET, "come again with a new ticket")

    async def _answer(self, reply: bytes, most: int) -> None:
        roll = roll_of(self.sessions, users=self._people, topics=self._rooms, most=most)
        try:
            await self.feed.tell(reply, roll)
        except StoreUnavailable as error:
            log.warning("live.not_answered", error=str(error))

    def _leave_room(self, session: Session, topic: str) -> None:
        if room := self._rooms.get(topic):
            room.sessions.discard(session)
            if not room.sessions:
                del self._rooms[topic]


def _less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
