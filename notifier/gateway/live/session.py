"""One connected client: who it is, what it follows, what it owes us, and its limits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Protocol
from uuid import UUID

import structlog

from notifier.gateway.live.frames import Frame

log = structlog.get_logger(__name__)


class Close(IntEnum):
    """How a connection ends. Source: RFC 6455 section 7.4; 4000 and up are our own."""

    RECONNECT = 1012
    """This process drains: connect again, and resume."""
    NOT_TEXT = 1003
    NOT_UTF8 = 1007
    TOO_LARGE = 1009
    SILENT = 1011
    """No answer to a ping."""
    TICKET = 4001
    """No ticket in time, a used or old one, or the session was long enough."""
    SLOW = 4008
    """The client does not read what it is sent: connect again, and resume."""
    FLOOD = 4029
    """More messages than allowed."""
    CROWD = 4030
    """More connections of one user than allowed."""


class Peer(Protocol):
    """The transport of one client. Nothing of it blocks or raises."""

    def write(self, frame: Frame) -> None: ...

    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""
        ...

    def close(self, code: int, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """per_minute: messages; they may come all at once. backlog: bytes."""

    per_minute: int
    backlog: int
    topics: int


@dataclass(frozen=True, slots=True)
class Awaited:
    """A push whose acknowledgement is awaited: where it goes, and until when that is of use."""

    reply: bytes
    until_s: float


MOST_AWAITED = 1000
"""Pushes that a client may leave unacknowledged until the oldest are forgotten here."""


class Session:
    __slots__ = (
        "_allowance",
        "_counted_s",
        "_limits",
        "_peer",
        "address",
        "awaited",
        "bound",
        "is_closing",
        "kind",
        "patterns",
        "since",
        "since_s",
        "topics",
        "user",
    )

    def __init__(self, peer: Peer, *, address: str, kind: str, limits: Limits) -> None:
        """kind: websocket or sse."""
        self._peer = peer
        self._limits = limits
        self._allowance = float(limits.per_minute)
        self._counted_s = self.since_s = time.monotonic()
        self.address = address
        self.kind = kind
        self.since = datetime.now(UTC)
        self.user = ""
        self.bound = False
        self.is_closing = False
        self.patterns: tuple[str, ...] = ()
        self.topics: set[str] | None = None
        self.awaited: dict[UUID, Awaited] | None = None

    @property
    def queued(self) -> int:
        """Bytes."""
        return self._peer.waiting()

    @property
    def most_topics(self) -> int:
        return self._limits.topics

    def write(self, frame: Frame) -> None:
        """Or close it, where it does not read."""
        if self.is_closing:
            return
        if self._peer.waiting() > self._limits.backlog:
            self.close(Close.SLOW, "too slow: connect again and resume")
            return
        self._peer.write(frame)

    def push(self, frame: Frame, awaited: Awaited) -> None:
        """One that is to be acknowledged."""
        if frame.id is None:
            return
        if self.awaited is None:
            self.awaited = {}
        if len(self.awaited) >= MOST_AWAITED:
            del self.awaited[next(iter(self.awaited))]
        self.awaited[frame.id] = awaited
        self.write(frame)

    def acknowledged(self, id_: UUID) -> Awaited | None:
        return self.awaited.pop(id_, None) if self.awaited else None

    def close(self, code: int, reason: str) -> None:
        if not self.is_closing:
            self.is_closing = True
            log.info(
                "live.closed", kind=self.kind, address=self.address, code=int(code), why=reason
            )
            self._peer.close(code, reason)

    def may_speak(self) -> bool:
        """Count one message. False: it is a flood."""
        now_s = time.monotonic()
        most = self._limits.per_minute
        self._allowance = min(most, self._allowance + (now_s - self._counted_s) * most / 60)
        self._counted_s = now_s
        self._allowance -= 1
        return self._allowance >= 0

    def give_back(self) -> None:
        """The message was an answer of ours: it does not count."""
        self._allowance = min(self._limits.per_minute, self._allowance + 1)
