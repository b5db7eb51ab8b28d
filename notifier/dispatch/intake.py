"""Intake: rows first, committed; then the broker. A promise is only given for a committed row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import orjson
import structlog

from notifier.dispatch.failpoint import pass_by
from notifier.dispatch.ports import Publisher
from notifier.domain.message import Message
from notifier.domain.submission import Accepted, Submission
from notifier.errors import BrokerUnavailable, StoreUnavailable

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 500
LARGEST_AT_ONCE = 4 * 1024 * 1024
"""Bytes of payloads in one statement; MariaDB takes 16 MiB of it, and escaping may double them."""


class AcceptedBatch(Protocol):
    @property
    def accepted(self) -> list[Accepted]: ...
    @property
    def publish(self) -> list[tuple[Message, timedelta]]: ...


class AcceptStore(Protocol):
    async def accept(self, submissions: Sequence[Submission]) -> AcceptedBatch: ...

    async def hasten(self, ids: Sequence[UUID]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """accepted: in the order of the submissions. held_up: why the broker has not got them yet."""

    accepted: list[Accepted]
    held_up: str = ""


class Intake:
    """publisher: None where the broker could not be reached at all.

    check: raises InvalidInput for what can never be sent.
    """

    def __init__(
        self,
        store: AcceptStore,
        publisher: Publisher | None,
        *,
        check: Callable[[Sequence[Submission]], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._check = check

    async def accept(self, submissions: Sequence[Submission]) -> Receipt:
        """Commit, then publish.

        Raises InvalidInput, StoreUnavailable, StoreError: nothing was promised.

        A broker that does not confirm costs nothing but time: the sweeper publishes later.
        """
        if self._check is not None:
            await self._check(submissions)
        batch = await self._store.accept(submissions)
        pass_by("accepted_before_publish")
        return await self.hand_over(batch)

    async def hand_over(self, batch: AcceptedBatch) -> Receipt:
        """Publish what is committed; where the broker does not take it, the sweeper will."""
        if not batch.publish:
            return Receipt(accepted=batch.accepted)
        try:
            if self._publisher is None:
                raise BrokerUnavailable("RabbitMQ is not reachable")
            await self._publisher.publish_many(batch.publish)
        except BrokerUnavailable as error:
            late = {message.notification_id for message, _ in batch.publish}
            await self.hasten(list(late))
            accepted = [
                replace(one, held_up=str(error)) if one.id in late else one
                for one in batch.accepted
            ]
            return Receipt(accepted=accepted, held_up=str(error))
        return Receipt(accepted=batch.accepted)

    async def hasten(self, ids: Sequence[UUID]) -> None:
        """Have them published again, at once: nobody knows whether the broker has them.

        They are committed; where this fails they are only swept somewhat later.
        """
        try:
            await self._store.hasten(ids)
        except StoreUnavailable as error:
            log.warning("intake.not_hastened", count=len(ids), error=str(error))


def batches(submissions: Iterable[Submission]) -> Iterator[list[Submission]]:
    """What is accepted in one go, each in one transaction."""
    batch: list[Submission] = []
    size = 0
    for submission in submissions:
        added = len(orjson.dumps(submission.payload)) if submission.payload else 0
        if batch and (len(batch) == MOST_AT_ONCE or size + added > LARGEST_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(submission)
        size += added
    if batch:
        yield batch
