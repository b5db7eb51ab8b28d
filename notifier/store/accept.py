"""Accepting: a submission is a notification when its row is committed, and not before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import TypeVar
from uuid import UUID

from notifier.domain.ladder import Ladder
from notifier.domain.message import Message
from notifier.domain.notification import State
from notifier.domain.placement import Places
from notifier.domain.submission import Accepted, Submission
from notifier.errors import IdempotencyConflict, StoreConflict
from notifier.store.drafts import COLUMNS, Draft, draft_of
from notifier.store.earlier import Earlier, earlier_ones
from notifier.store.endpoints import with_ladders
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import marks, tuples

Done = TypeVar("Done")

CONFLICTS_BORNE = 4


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

        Raises IdempotencyConflict, InvalidInput for a ladder that there is not: nothing was
        accepted; and StoreUnavailable: nothing was, or it was and the answer got lost; the same
        submissions may be sent again, their keys keep them single.
        """
        if not submissions:
            return Acceptance(accepted=[], publish=[])
        return await _insistently(lambda: self._accept(submissions))

    async def accept_each(
        self, submissions: Sequence[Submission]
    ) -> tuple[Acceptance, Mapping[int, IdempotencyConflict]]:
        """The same, but a conflict refuses only its own: by the place of the submission.

        What the acceptance says in that place is the earlier one.
        """
        return await _insistently(lambda: self._accept_each(submissions))

    async def _accept_each(
        self, submissions: Sequence[Submission]
    ) -> tuple[Acceptance, Mapping[int, IdempotencyConflict]]:
        async with self._database.transaction() as cursor:
            inserted = await self.insert(cursor, submissions)
        return inserted.acceptance(), inserted.conflicts

    async def _accept(self, submissions: Sequence[Submission]) -> Acceptance:
        async with self._database.transaction() as cursor:
            inserted = await self.insert(cursor, submissions)
            for conflict in inserted.conflicts.values():
                raise conflict
        return inserted.acceptance()

    async def insert(self, cursor: Cursor, submissions: Sequence[Submission]) -> Inserted:
        """The same within the caller's transaction; who has a conflict is not inserted.

        Raises InvalidInput for a ladder that there is not.
        """
        asked_s = monotonic()
        now: datetime = (await cursor.fetch("SELECT NOW(6)"))[0][0]
        submissions = await with_ladders(cursor, submissions, known=self._ladders)
        drafts = [
            draft_of(submission, ladders=self._ladders, places=self._places, now=now)
            for submission in submissions
        ]
        # In the order of the keys, so that two who accept the same seldom lock each other out.
        ordered = sorted(drafts, key=lambda draft: draft.submission.dedupe_key or b"")
        count = await cursor.run(
            f"INSERT INTO notifier_notification ({', '.join(COLUMNS)}) VALUES %s "
            "ON DUPLICATE KEY UPDATE id = id",
            [tuples(draft.values for draft in ordered)],
        )
        keys = [draft.submission.dedupe_key for draft in drafts if draft.submission.dedupe_key]
        earlier = {} if count == len(drafts) else await earlier_ones(cursor.fetch, keys)
        zero = now - timedelta(seconds=asked_s)
        return Inserted(drafts, earlier, zero=zero, places=self._places)

    async def hasten(self, ids: Sequence[UUID]) -> None:
        """Let the sweeper publish these as soon as it can: the broker did not take them."""
        await _insistently(
            lambda: self._database.run(
                "UPDATE notifier_notification SET next_sweep_at = NOW(6) "
                f"WHERE id IN ({marks(len(ids))}) AND state = 'waiting'",
                [id_.bytes for id_ in ids],
            )
        )


async def _insistently(do: Callable[[], Awaitable[Done]]) -> Done:
    for _ in range(CONFLICTS_BORNE):
        with suppress(StoreConflict):
            return await do()
    return await do()


class Inserted:
    """Rows of a transaction that is not committed yet."""

    def __init__(
        self,
        drafts: Sequence[Draft],
        earlier: Mapping[bytes, Earlier],
        *,
        zero: datetime,
        places: Places,
    ) -> None:
        """zero: the database's time when this process's monotonic clock was zero."""
        self._drafts = drafts
        self._earlier = earlier
        self._zero = zero
        self._places = places

    @property
    def conflicts(self) -> dict[int, IdempotencyConflict]:
        """By the place of the submission."""
        found = {}
        for place, draft in enumerate(self._drafts):
            one = self._earlier_of(draft)
            if one is not None and (conflict := one.conflict_with(draft.submission)):
                found[place] = conflict
        return found

    def acceptance(self) -> Acceptance:
        """After the commit: the delays are what is left of them now."""
        now = self._zero + timedelta(seconds=monotonic())
        accepted, publish = [], []
        for draft in self._drafts:
            placement, one = draft.placement, self._earlier_of(draft)
            if one is not None:
                accepted.append(one.accepted)
                continue
            accepted.append(
                Accepted(id=draft.id, state=placement.state, due_at=placement.due_at, new=True)
            )
            if placement.state is State.WAITING:
                publish.append((draft.message, self._places.delay_until(placement.due_at, now)))
        return Acceptance(accepted=accepted, publish=publish)

    def _earlier_of(self, draft: Draft) -> Earlier | None:
        """None for one that was inserted now."""
        one = self._earlier.get(draft.submission.dedupe_key or b"")
        return None if one is None or one.accepted.id == draft.id else one
