"""The history of a notification as it was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from notifier.domain.endpoint import endpoint_of
from notifier.domain.notification import ChannelName, Role, State
from notifier.domain.outcome import Answer
from notifier.domain.receipt import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One attempt. tier: seconds. lateness: start minus due; negative never by more than ms.

    outcome: sent, retry, dead, released, cancelled, unknown or repeated.
    answer: of a webhook's receiver, where one came. receipt: WeChat's word, where that came.
    """

    number: int
    step: int
    tier: int
    due_at: datetime
    started_at: datetime
    duration: timedelta
    lateness: timedelta
    outcome: str
    code: str
    detail: str
    external_id: str
    worker: str
    answer: Answer | None = None
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A notification's row, for people. attempt: the next, the running or the last one.

    pause_scope: what rests, its endpoint, its channel or its tier; "" where none does.
    now: the database's time of the look. All moments UTC.
    """

    id: UUID
    role: Role
    channel: ChannelName
    recipient: str
    order_no: str
    order_id: int | None
    designer_id: int | None
    designer_name: str | None
    ladder: str
    state: State
    reason: str
    seq: int
    step: int
    attempt: int
    tier: int
    due_at: datetime
    next_sweep_at: datetime | None
    sweeps: int
    lease_until: datetime | None
    lease_owner: str | None
    claimed_at: datetime | None
    unknown_since: datetime | None
    cancel_requested: str
    dispatched_at: datetime | None
    accepted_at: datetime
    settled_at: datetime | None
    deadline_at: datetime | None
    pause_scope: str
    pause_reason: str
    paused_until: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescheduled:
    """Somebody changed when it is due. All moments UTC."""

    changed_at: datetime
    from_at: datetime
    to_at: datetime
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """rescheduled: the oldest change first."""

    standing: Standing
    attempts: Sequence[Made]
    rescheduled: Sequence[Rescheduled] = ()


def masked(recipient: str) -> str:
    """Enough to recognise somebody, not enough to write to him: `oLvq…7ngk`, `https://host/…`.

    An endpoint's name is nobody's address.
    """
    if endpoint_of(recipient) is not None:
        return recipient
    scheme, separator, rest = recipient.partition("://")
    if separator:
        return f"{scheme}://{rest.split('/')[0].rpartition('@')[2]}/…"
    if len(recipient) < 12:
        return f"{recipient[:2]}…" if recipient else ""
    return f"{recipient[:4]}…{recipient[-4:]}"
