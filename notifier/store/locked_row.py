"""A notification's row as a claim reads it: under its lock, or by the lease it has just got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from notifier.domain import claim
from notifier.domain.lease import Claimed
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Notification, Role, State
from notifier.domain.outcome import Outcome
from notifier.domain.settle import InFlight

COLUMNS = (
    "id, state, seq, due_at, NOW(6), step, attempt, crashes, unknown_since, cancel_requested, "
    "ladder, tier, role, channel, recipient, order_book, order_no, order_id, designer_id, "
    "designer_name, template, payload, deadline_at, dispatched_at, accepted_at, resends"
)


# By value: an enum's own look-up takes five times as long.
STATES = {state.value: state for state in State}
ROLES = {role.value: role for role in Role}
CHANNELS = {channel.value: channel for channel in ChannelName}


@dataclass(slots=True)
class LockedRow:
    """`state` moves as the batch goes on, so that a duplicate within it loses."""

    id: bytes
    state: str
    seq: int
    due_at: datetime
    now: datetime
    step: int
    attempt: int
    crashes: int
    unknown_since: datetime | None
    cancel_requested: str
    ladder: str
    tier: int
    role: str
    channel: str
    recipient: str
    order_book: str
    order_no: str
    order_id: int | None
    designer_id: int | None
    designer_name: str | None
    template: str
    payload: str | None
    deadline_at: datetime | None
    dispatched_at: datetime | None
    accepted_at: datetime
    resends: int

    def cursor(self) -> claim.Cursor:
        return claim.Cursor(state=STATES[self.state], seq=self.seq, due_at=self.due_at)

    def message(self) -> Message:
        return Message(
            notification_id=UUID(bytes=self.id),
            seq=self.seq,
            attempt=self.attempt,
            tier=self.tier,
            due_at=self.due_at,
            channel=CHANNELS[self.channel],
            role=ROLES[self.role],
            order_no=self.order_no,
        )

    def claimed(
        self,
        token: bytes,
        until: datetime,
        *,
        asked_s: float,
        refused: Outcome | None = None,
        publish: tuple[Message, ...] = (),
    ) -> Claimed:
        return Claimed(
            notification=Notification(
                id=UUID(bytes=self.id),
                role=ROLES[self.role],
                channel=CHANNELS[self.channel],
                recipient=self.recipient,
                order_no=self.order_no,
                template=self.template,
                payload=orjson.loads(self.payload) if self.payload else {},
                dispatched_at=self.dispatched_at,
                accepted_at=self.accepted_at,
                attempt=self.attempt,
                resends=self.resends,
            ),
            row=InFlight(
                seq=self.seq,
                step=self.step,
                attempt=self.attempt,
                crashes=self.crashes,
                unknown_since=self.unknown_since,
                cancel_requested=self.cancel_requested,
                deadline_at=self.deadline_at,
            ),
            token=token,
            ladder=self.ladder,
            tier=self.tier,
            due_at=self.due_at,
            now=self.now,
            asked_s=asked_s,
            until=until,
            refused=refused,
            publish=publish,
        )
