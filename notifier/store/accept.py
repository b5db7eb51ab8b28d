"""Accepting: a submission is a notification when its row is committed, and not before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import orjson

from notifier.domain.ladder import Ladder, find_ladder
from notifier.domain.message import Message
from notifier.domain.notification import State, new_id
from notifier.domain.placement import Placement, Places, delay_until
from notifier.domain.submission import Accepted, Submission
from notifier.errors import StoreConflict
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import flat, marks, rows_of_marks

CONFLICTS_BORNE = 4
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """accepted: in the order of the submissions. publish: what the broker has to hold now."""

    accepted: list[Accepted]
    publish: list[tuple[Message, timedelta]]


class Acceptor:
    def __init__(
        self, database: Database, *, ladders: Mapping[str, Ladder], places: Places
    ) -> None:
        self._database = database
        self._ladders = ladders
        self._places = places

    async def accept(self, submissions: Sequence[Submission]) -> Acceptance:
        """One transaction for all of them (keep it to some hundred).

        Raises InvalidInput for a ladder that there is not, and StoreUnavailable: nothing was
        accepted, or it was and the answer got lost; the same submissions may be sent again, their
        keys keep them single.
        """
        if not submissions:
            return Acceptance(accepted=[], publish=[])
        for _ in range(CONFLICTS_BORNE):
            with suppress(StoreConflict):
                return await self._accept(submissions)
        return await self._accept(submissions)

    async def _accept(self, submissions: Sequence[Submission]) -> Acceptance:
        async with self._database.transaction() as cursor:
            asked_s = monotonic()
            now: datetime = (await cursor.fetch("SELECT NOW(6)"))[0][0]
            drafts = [self._draft(submission, now) for submission in submissions]
            # In the order of the keys, so that two who accept the same seldom lock each other out.
            ordered = sorted(drafts, key=lambda draft: draft.submission.dedupe_key or b"")
            inserted = await cursor.run(
                f"INSERT INTO notifier_notification ({', '.join(COLUMNS)}) "
                f"VALUES {rows_of_marks(len(drafts), len(COLUMNS))} "
                "ON DUPLICATE KEY UPDATE id = id",
                flat(draft.values for draft in ordered),
            )
            known = {} if inserted == len(drafts) else await _known(cursor, drafts)
        return _acceptance(drafts, known, now + timedelta(seconds=monotonic() - asked_s))

    async def hasten(self, ids: Sequence[UUID]) -> None:
        """Let the sweeper publish these as soon as it can: the broker did not take them."""
        await self._database.run(
            "UPDATE notifier_notification SET next_sweep_at = NOW(6) "
            f"WHERE id IN ({marks(len(ids))}) AND state = 'waiting'",
            [id_.bytes for id_ in ids],
        )

    def _draft(self, submission: Submission, now: datetime) -> _Draft:
        ladder = find_ladder(self._ladders, submission.ladder)
        due_at, step_delay = _moment(submission, ladder, now)
        submission = replace(submission, deadline_at=_deadline(submission, ladder, due_at))
        placement = self._places.place(due_at, now, step_delay=step_delay)
        id_ = new_id()
        return _Draft(id_, submission, placement, _values(id_, submission, placement, now))


@dataclass(frozen=True, slots=True)
class _Draft:
    id: UUID
    submission: Submission
    placement: Placement
    values: tuple[Any, ...]


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


async def _known(cursor: Cursor, drafts: Sequence[_Draft]) -> dict[bytes, tuple[Any, ...]]:
    """By dedupe key: the row that has it, ours or an earlier one's."""
    keys = [draft.submission.dedupe_key for draft in drafts if draft.submission.dedupe_key]
    if not keys:
        return {}
    rows = await cursor.fetch(
        "SELECT dedupe_key, id, state, due_at FROM notifier_notification "
        f"WHERE dedupe_key IN ({marks(len(keys))})",
        keys,
    )
    return {row[0]: row[1:] for row in rows}


def _acceptance(
    drafts: Sequence[_Draft], known: Mapping[bytes, tuple[Any, ...]], now: datetime
) -> Acceptance:
    accepted, publish = [], []
    for draft in drafts:
        earlier = known.get(draft.submission.dedupe_key or b"")
        if earlier is not None and earlier[0] != draft.id.bytes:
            id_, state, due_at = earlier
            accepted.append(
                Accepted(id=UUID(bytes=id_), state=State(state), due_at=due_at, new=False)
            )
            continue
        placement = draft.placement
        accepted.append(
            Accepted(id=draft.id, state=placement.state, due_at=placement.due_at, new=True)
        )
        if placement.state is State.WAITING:
            publish.append((_message(draft), delay_until(placement.due_at, now)))
    return Acceptance(accepted=accepted, publish=publish)


def _message(draft: _Draft) -> Message:
    return Message(
        notification_id=draft.id,
        seq=1,
        attempt=1,
        tier=draft.placement.tier,
        due_at=draft.placement.due_at,
        channel=draft.submission.channel,
        role=draft.submission.role,
        order_no=draft.submission.order_no,
    )
