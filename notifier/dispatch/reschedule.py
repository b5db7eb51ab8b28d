"""Another moment for what waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from notifier.dispatch.intervene import (
    FindStore,
    Hasten,
    Replayed,
    ids_of_key,
    in_batches,
    publish_or_hasten,
)
from notifier.dispatch.ports import Publisher
from notifier.domain.intervention import Intervened, Moment


class ReschedulingStore(Protocol):
    async def reschedule(
        self, ids: Sequence[UUID], moment: Moment, *, who: str, why: str
    ) -> list[Intervened]: ...


class Reschedule:
    """hasten: lets the sweeper publish what the broker did not take."""

    def __init__(
        self, find: FindStore, store: ReschedulingStore, publisher: Publisher, *, hasten: Hasten
    ) -> None:
        self._find = find
        self._store = store
        self._publisher = publisher
        self._hasten = hasten

    async def reschedule(self, key: str, moment: Moment, *, who: str, why: str) -> Replayed:
        """Commit, then publish what is near, batch after batch.

        key: a notification's id, or an order's number for all of its notifications.
        Raises NotFound, StoreUnavailable, StoreError. Dying in between costs only time: the
        sweeper publishes, and what is far is the calendar's.
        """
        results: list[Intervened] = []
        held_up = ""
        for batch in in_batches(await ids_of_key(key, self._find)):
            done = await self._store.reschedule(batch, moment, who=who, why=why)
            results += done
            held_up = await publish_or_hasten(done, self._publisher, self._hasten) or held_up
        return Replayed(results=results, held_up=held_up)
