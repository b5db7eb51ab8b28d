"""What to do with a delivered message, decided from the locked row it speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.notification import TERMINAL, State
from notifier.domain.value import value

WORTH_WAITING = timedelta(milliseconds=50)
"""Up to this long before its moment a message waits in the process instead of the broker."""


@value
class Cursor:
    """Where a notification stands: the part of its row that decides."""

    state: State
    seq: int
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The attempt is ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """A duplicate, or a cancelled or rescheduled one: ack."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooEarly:
    """Publish the remainder of its delay, then ack."""

    remaining: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishLater:
    """Its process died between record and publish: publish the row's schedule first, then ack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRow:
    """Into the dead queue."""


Decision = Claim | Forget | TooEarly | PublishLater | NoRow


def decide(cursor: Cursor | None, *, seq: int, redelivered: bool, now: datetime) -> Decision:
    """seq, redelivered: of the message. now: the database's."""
    if cursor is None:
        return NoRow()
    if cursor.state in TERMINAL:
        return Forget(reason=f"already {cursor.state}")
    if cursor.state is State.WAITING and cursor.seq == seq:
        if cursor.due_at > now:
            return TooEarly(remaining=cursor.due_at - now)
        return Claim()
    if cursor.state is State.WAITING and cursor.seq > seq and redelivered:
        return PublishLater()
    if cursor.seq != seq:
        return Forget(reason="rescheduled")
    return Forget(reason=f"is {cursor.state}")
