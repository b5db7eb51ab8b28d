"""WebSocket and SSE clients, the channel push, and the tasks that clients may start."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from notifier.domain.topic import EVERY, check_patterns
from notifier.settings.section import Section, checked, words


class Live(Section):
    topics: Annotated[tuple[str, ...], NoDecode] = (EVERY,)
    """Topics that a ticket allows which names none, comma-separated: order:*, rates."""
    ticket_s: float = Field(60, ge=5, le=600)
    """How long a ticket is good for, seconds."""
    ack_s: float = Field(5, ge=0.2, le=60)
    """How long an attempt waits for a client's acknowledgement, seconds."""
    auth_s: float = Field(5, ge=1, le=60)
    """How soon a new connection must show its ticket, seconds."""
    session_s: float = Field(43_200, ge=60, le=604_800)
    """A connection is asked to come again with a new ticket after this, seconds."""
    most_clients: int = Field(10_000, ge=1, le=1_000_000)
    """Connections to one gateway process."""
    most_per_user: int = Field(10, ge=1, le=10_000)
    """Of one user, to one gateway process."""
    most_per_address: int = Field(200, ge=1, le=1_000_000)
    """From one address, to one gateway process; more where many share a proxy."""
    most_topics: int = Field(100, ge=1, le=10_000)
    """Topics that one connection may follow."""
    largest_bytes: int = Field(64 * 1024, ge=1024, le=1024 * 1024)
    """Of a topic's value."""
    message_bytes: int = Field(64 * 1024, ge=1024, le=1024 * 1024)
    """Of a message that a client sends."""
    per_minute: int = Field(100, ge=1, le=100_000)
    """Messages of one connection, acknowledgements of pushes not counted; a connection that sends
    more is closed."""
    backlog_bytes: int = Field(1024 * 1024, ge=64 * 1024, le=64 * 1024 * 1024)
    """What may wait for a client that reads slowly; with more it is closed, and may resume."""
    ping_s: float = Field(20, ge=0.5, le=300)
    """A WebSocket is pinged so often, and closed where the answer takes as long; a stream is closed
    that takes nothing for as long, seconds."""
    keep_topics: int = Field(10_000, ge=0, le=1_000_000)
    """Topics whose last value is kept in Redis."""
    keep_s: float = Field(86_400, ge=1, le=31_622_400)
    """For how long, seconds."""
    resume_h: float = Field(24, ge=0, le=720)
    """A push that was given up is still handed over on reconnect for so long, hours."""

    @field_validator("topics", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return words(value)

    @field_validator("topics")
    @classmethod
    def _check_topics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        patterns: tuple[str, ...] = checked(check_patterns, value)
        return patterns


class Tasks(Section):
    registry: str = Field("", max_length=200, pattern=r"^([A-Za-z_][\w.]*(:[A-Za-z_]\w*)?)?$")
    """Where the functions are that clients may start: module, or module:name, of a mapping from
    names to functions, TASKS by default; empty: none."""
    packaged: Annotated[tuple[str, ...], NoDecode] = ()
    """Names, comma-separated, of functions that installed packages offer as entry points of the
    group notifier.tasks: these may be started too, and no others of that group."""
    timeout_s: float = Field(30, ge=0.1, le=600)
    """The longest that one may take, seconds."""
    threads: int = Field(4, ge=1, le=64)
    """How many that are not async run at once, per process."""

    @field_validator("packaged", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return words(value)

    @property
    def any(self) -> bool:
        return bool(self.registry or self.packaged)
