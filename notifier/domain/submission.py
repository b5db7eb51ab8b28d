"""What somebody asks for, before it is a row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from notifier.domain.notification import ChannelName, Role, State
from notifier.domain.order import NO_EXPIRY, OrderRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One notification to be accepted.

    due_at: the moment asked for (UTC). delay: or how long from now. Neither: the ladder's first.
    order_book: which table holds the order; "none" for a notification without one.
    dedupe_key: 32 bytes; a second submission of the same key changes nothing. None: always new.
    """

    role: Role
    channel: ChannelName
    recipient: str
    order_book: str = "none"
    order_no: str = ""
    order_id: int | None = None
    designer_id: int | None = None
    designer_name: str | None = None
    claim_deadline: datetime | None = None
    due_at: datetime | None = None
    delay: timedelta | None = None
    template: str = ""
    payload: Mapping[str, object] = field(default_factory=dict)
    ladder: str = "default"
    deadline_at: datetime | None = None
    idempotency_key: str | None = None
    dedupe_key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Committed.

    new: False where the same was accepted before (`id` is the earlier one's).
    held_up: why RabbitMQ has not got it yet, "" where it has: it will be published later.
    """

    id: UUID
    state: State
    due_at: datetime
    new: bool
    held_up: str = ""


def of_record(
    record: OrderRecord,
    *,
    channel: ChannelName = ChannelName.WECHAT,
    order_book: str = "orders",
    again: bool = False,
    claim_window: timedelta | None = None,
) -> Submission:
    """The designer's notification of an order record; due when the claim window ends.

    again: make a new one though the same record was accepted before.
    claim_window: from now on, for a record without an expiry of its own; None: due at once.
    """
    key = "\x1f".join(
        (
            record.order_no,
            str(record.designer_id),
            str(int(record.claim_deadline.timestamp())),
            Role.DESIGNER,
            channel,
        )
    )
    has_window = claim_window is not None and record.claim_deadline == NO_EXPIRY
    return Submission(
        role=Role.DESIGNER,
        channel=channel,
        recipient=record.openid,
        order_book=order_book,
        order_no=record.order_no,
        order_id=record.order_id,
        designer_id=record.designer_id,
        designer_name=record.designer_name,
        claim_deadline=None if has_window else record.claim_deadline,
        due_at=None if has_window else record.claim_deadline,
        delay=claim_window if has_window else None,
        dedupe_key=None if again else hashlib.sha256(key.encode()).digest(),
    )
