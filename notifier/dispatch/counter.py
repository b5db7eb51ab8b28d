"""Accepting what many ask for at once: one transaction and one flush for all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from notifier.dispatch.batch import Batch
from notifier.dispatch.intake import AcceptedBatch, Intake
from notifier.domain.submission import Accepted, Submission
from notifier.errors import InvalidInput

MOST = 200
"""In one transaction; more would make those who came first wait longer than it saves."""
LANES = 2
"""While one is being committed and confirmed, the next one is gathered."""

Faults = Callable[[Sequence[Submission]], Awaitable[Mapping[int, InvalidInput]]]


class EachStore(Protocol):
    async def accept_each(
        self, submissions: Sequence[Submission]
    ) -> tuple[AcceptedBatch, Mapping[int, InvalidInput]]:
        """Who is refused is named by its place, and takes no other along."""
        ...


class Counter:
    """Each asker gets an answer of its own, when its row is committed.

    faults: what the tables alone can tell, by place: an endpoint that there is not.
    """

    def __init__(self, store: EachStore, intake: Intake, *, faults: Faults) -> None:
        self._store = store
        self._intake = intake
        self._faults = faults
        self._batch = Batch(self._accept, most=MOST, lanes=LANES)

    async def accept(self, submission: Submission) -> Accepted:
        """Raises InvalidInput (IdempotencyConflict among it), StoreUnavailable, StoreError."""
        answer = await self._batch(submission)
        if isinstance(answer, InvalidInput):
            raise answer
        return answer

    async def _accept(self, submissions: Sequence[Submission]) -> list[Accepted | InvalidInput]:
        faults = await self._faults(submissions)
        good = [place for place in range(len(submissions)) if place not in faults]
        answers: dict[int, Accepted | InvalidInput] = dict(faults)
        if good:
            batch, refused = await self._store.accept_each([submissions[place] for place in good])
            receipt = await self._intake.hand_over(batch)
            for number, place in enumerate(good):
                answers[place] = refused.get(number) or receipt.accepted[number]
        return [answers[place] for place in range(len(submissions))]
