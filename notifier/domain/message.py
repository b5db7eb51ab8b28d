"""The AMQP message as a value: it refers to a row and carries no secret and no personal data."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from notifier.domain.notification import ChannelName, Role
from notifier.domain.value import value

VERSION = 1


@value
class Message:
    """Speaks of one schedule of one notification.

    seq: the row's `seq` when it was published; an older one is acked and forgotten.
    attempt: from 1. tier: seconds, the queue it goes to. due_at: UTC.
    """

    notification_id: UUID
    seq: int
    attempt: int
    tier: int
    due_at: datetime
    channel: ChannelName
    role: Role
    order_no: str = ""
