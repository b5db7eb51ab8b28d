"""The words of the field: states, roles, channels, and the notification as a channel sees it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from notifier.domain.endpoint import endpoint_of
from notifier.domain.outcome import Held, Outcome
from notifier.domain.value import value


class State(StrEnum):
    SCHEDULED = "scheduled"
    """Due beyond the horizon; waits in the calendar."""
    WAITING = "waiting"
    """The broker holds its message."""
    IN_FLIGHT = "in_flight"
    """An attempt holds its lease."""
    SENT = "sent"
    DEAD = "dead"
    """Given up; this row is the dead letter. Replayable."""
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """Perhaps told, and no id protects against telling twice. A person decides."""


TERMINAL = frozenset({State.SENT, State.DEAD, State.CANCELLED, State.UNKNOWN})
GIVEN_UP = frozenset({State.DEAD, State.UNKNOWN})


class Role(StrEnum):
    DESIGNER = "designer"
    """Its first claim dispatches the order."""
    PUBLISHER = "publisher"
    """Told that the order was dispatched."""
    RECIPIENT = "recipient"
    """Anybody else: no order is touched."""


class ChannelName(StrEnum):
    WECHAT = "wechat"
    WEBHOOK = "webhook"
    PUSH = "push"
    """To whoever of the user's is connected to a gateway."""
    TASK = "task"
    """Runs a function of the user's package; the recipient is whom its result is pushed to."""


@value
class Notification:
    """One recipient, one channel: what a channel needs to send it.

    recipient: openid, URL, `endpoint:NAME` or user id, by channel.
    template: a name from the settings, "" for the role's default.
    payload: values for the template; string keys.
    dispatched_at: when the order was claimed (UTC); shown in the text so that retries say the same.
    attempt: which one this is, from 1, never reset.
    resends: how often the channel took it and said later that it could not deliver; each time it is
        another message to the channel.
    """

    id: UUID
    role: Role
    channel: ChannelName
    recipient: str
    order_no: str = ""
    template: str = ""
    payload: Mapping[str, object] = field(default_factory=dict)
    dispatched_at: datetime | None = None
    accepted_at: datetime | None = None
    attempt: int = 1
    resends: int = 0


def scopes_of(notification: Notification) -> tuple[str, ...]:
    """What may be at rest and hold it back: its channel, and the endpoint that it is for."""
    channel = f"channel:{notification.channel}"
    if endpoint_of(notification.recipient) is None:
        return (channel,)
    return channel, notification.recipient


class Channel(Protocol):
    """A way to tell somebody. One instance per process; `send` runs many times at once."""

    name: ChannelName
    protected_for: timedelta | None
    """How long a repeated send of the same notification has no second effect; None: for ever."""
    timeout: timedelta
    """The longest a `send` can take, a repeat after a token refresh included."""

    async def send(self, notification: Notification) -> Outcome | Held:
        """Try once. Raises nothing but CancelledError: every failure is an Outcome."""
        ...

    async def close(self) -> None: ...


def new_id() -> UUID:
    """A UUIDv7: ordered by time, so that rows are appended to the index and not strewn over it.

    Source: RFC 9562 section 5.7.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return UUID(int=value)


def first_id(at: datetime) -> UUID:
    """The smallest id that `new_id` can give at this moment: ids compare as their times do."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
