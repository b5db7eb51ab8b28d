"""A row that an application put into the outbox, as a notice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from notifier.domain.notice import Notice, Offer, submission_of
from notifier.domain.order import LATEST_MOMENT
from notifier.domain.payload import LARGEST, parse_payload
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """The columns as they are. payload: None also where it is larger than is ever accepted.

    due_unix, deadline_unix, created_unix: unix seconds. now: the database's.
    """

    id: int
    channel: str
    recipient: str
    template: str
    payload: str | None
    payload_bytes: int | None
    order_no: str
    idempotency_key: str | None
    due_unix: Decimal | None
    delay_s: Decimal | None
    ladder: str
    deadline_unix: Decimal | None
    created_unix: Decimal
    now: datetime


def submission_of_row(row: OutboxRow, offer: Offer) -> Submission:
    """Raises InvalidInput that names the column, the value and the remedy.

    A delay counts from the insert; what is left of it is nothing when it is over, not less.
    """
    if row.payload_bytes is not None and row.payload is None:
        raise InvalidInput(
            "payload", f"has {row.payload_bytes} bytes, at most {LARGEST}; send a reference instead"
        )
    notice = Notice(
        channel=row.channel,
        recipient=row.recipient,
        template=row.template,
        payload=parse_payload(row.payload) if row.payload is not None else {},
        order_no=row.order_no,
        idempotency_key=row.idempotency_key,
        at=_moment("due_unix", row.due_unix),
        delay=None if row.delay_s is None else timedelta(seconds=float(row.delay_s)),
        ladder=row.ladder,
        deadline=_moment("deadline_unix", row.deadline_unix),
    )
    submission = submission_of(notice, offer, now=row.now)
    if submission.delay is None:
        return submission
    waited = row.now - datetime.fromtimestamp(float(row.created_unix), UTC)
    return replace(submission, delay=max(submission.delay - waited, timedelta(0)))


def _moment(column: str, unix: Decimal | None) -> datetime | None:
    if unix is None:
        return None
    if not 0 < unix < LATEST_MOMENT:
        raise InvalidInput(
            column, f"{unix:f} is not between 1970 and 2100 in unix seconds (milliseconds?)"
        )
    return datetime.fromtimestamp(float(unix), UTC)
