"""What a live client may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Say who is there, by a ticket."""

    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """Take the user's pushes on this connection. user: None for the ticket's.

    after: the last id that the client has seen.
    """

    user: str | None = None
    after: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """What is owed, and what other connections of the user have taken since."""

    after: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remind:
    """Push to the user after a while or at a moment; one of both."""

    after: timedelta | None = None
    at: datetime | None = None
    order_no: str = ""
    key: str | None = None
    reserved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Run a function of the registry. key: the same key is accepted once."""

    name: str
    args: Mapping[str, object]
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    pass


Command = Auth | Bind | Resume | Remind | Subscribe | Unsubscribe | Task | Ack | Ping
