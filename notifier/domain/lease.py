"""A claimed attempt: what a process holds while it is telling somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.message import Message
from notifier.domain.notification import Notification, State
from notifier.domain.outcome import Outcome
from notifier.domain.settle import InFlight
from notifier.domain.value import value

LEASE_MARGIN = timedelta(seconds=10)


def lease_duration(send_timeout: timedelta) -> timedelta:
    """Long enough that a send and its record end within it even when both are slow."""
    return 2 * send_timeout + LEASE_MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """owner: the process, so that its leases can be released when it died."""

    owner: str
    duration: timedelta


@value
class Claimed:
    """One attempt that is ours until `until` (the database's time).

    token: proves at the record that the lease is still this one.
    now: the database's time of the claim. asked_s: the monotonic clock when it was asked for, so
    that time spent on locks and on the commit counts against the lease.
    refused: the outcome where there is nothing to send.
    publish: messages of notifications that the claim created.
    """

    notification: Notification
    row: InFlight
    token: bytes
    ladder: str
    tier: int
    due_at: datetime
    now: datetime
    until: datetime
    asked_s: float
    refused: Outcome | None = None
    publish: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The claim found a reason to end the notification without an attempt."""

    state: State
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """The row waits at a later `seq` that may never have been published: publish `message`."""

    message: Message
    delay: timedelta


@value
class Attempted:
    """What a process reports of one claimed attempt. began, ended: the database's time."""

    claimed: Claimed
    outcome: Outcome
    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOff:
    """A claim that is given back before anything was sent. until: UTC. The rest: as in Held."""

    claimed: Claimed
    until: datetime
    reason: str = ""
    is_exact: bool = True


@value
class Recorded:
    """What the record made of it.

    state: the notification's. reason: why, for terminal states.
    next: what to publish.
    lost: the lease was no longer ours; nothing but a late success was written.
    """

    state: State
    reason: str = ""
    next: Message | None = None
    lost: bool = False
