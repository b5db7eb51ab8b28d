"""A submission on its way to being a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from notifier.domain.ladder import Ladder, find_ladder
from notifier.domain.message import Message
from notifier.domain.notification import new_id
from notifier.domain.placement import Placement, Places
from notifier.domain.submission import Submission

COLUMNS = (
    "id",
    "dedupe_key",
    "idempotency_key",
    "role",
    "channel",
    "recipient",
    "order_book",
    "order_no",
    "order_id",
    "designer_id",
    "designer_name",
    "claim_deadline",
    "template",
    "payload",
    "ladder",
    "deadline_at",
    "state",
    "tier",
    "due_at",
    "next_sweep_at",
    "accepted_at",
)


@dataclass(frozen=True, slots=True)
class Draft:
    id: UUID
    submission: Submission
    placement: Placement
    values: tuple[Any, ...]

    @property
    def message(self) -> Message:
        """Its first."""
        return Message(
            notification_id=self.id,
            seq=1,
            attempt=1,
            tier=self.placement.tier,
            due_at=self.placement.due_at,
            channel=self.submission.channel,
            role=self.submission.role,
            order_no=self.submission.order_no,
        )


def draft_of(
    submission: Submission,
    *,
    ladders: Mapping[str, Ladder],
    places: Places,
    now: datetime,
) -> Draft:
    """Raises InvalidInput for a ladder that there is not."""
    ladder = find_ladder(ladders, submission.ladder)
    due_at, step_delay = _moment(submission, ladder, now)
    submission = replace(submission, deadline_at=_deadline(submission, ladder, due_at))
    placement = places.place(due_at, now, step_delay=step_delay)
    id_ = new_id()
    return Draft(id_, submission, placement, _values(id_, submission, placement, now))


def _moment(
    submission: Submission, ladder: Ladder, now: datetime
) -> tuple[datetime, timedelta | None]:
    """A moment that has passed is no moment: then the ladder's first delay counts."""
    if submission.due_at is not None and submission.due_at > now:
        return submission.due_at, None
    if submission.delay is not None:
        return now + submission.delay, submission.delay
    first = ladder.delay(0)
    return now + first, first


def _deadline(submission: Submission, ladder: Ladder, due_at: datetime) -> datetime | None:
    """Its own, else the ladder's, which counts from the first moment."""
    if submission.deadline_at is not None or ladder.give_up_after is None:
        return submission.deadline_at
    return due_at + ladder.give_up_after


def _values(
    id_: UUID, submission: Submission, placement: Placement, now: datetime
) -> tuple[Any, ...]:
    return (
        id_.bytes,
        submission.dedupe_key,
        submission.idempotency_key,
        submission.role.value,
        submission.channel.value,
        submission.recipient,
        submission.order_book,
        submission.order_no,
        submission.order_id,
        submission.designer_id,
        submission.designer_name,
        submission.claim_deadline,
        submission.template,
        orjson.dumps(submission.payload).decode() if submission.payload else None,
        submission.ladder,
        submission.deadline_at,
        placement.state.value,
        placement.tier,
        placement.due_at,
        placement.next_sweep_at,
        now,
    )
