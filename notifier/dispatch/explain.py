"""Explain an order or a notification: its history, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from notifier.domain.explanation import Explanation, explain
from notifier.domain.ladder import Ladder
from notifier.domain.order import shorten
from notifier.domain.timeline import Timeline
from notifier.errors import NotFound


class TimelineStore(Protocol):
    async def of_order(self, order_no: str) -> list[Timeline]: ...

    async def of_id(self, id_: UUID) -> list[Timeline]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    timeline: Timeline
    explanation: Explanation


class Explainer:
    """ladders: by name, `default` among them."""

    def __init__(self, store: TimelineStore, ladders: Mapping[str, Ladder]) -> None:
        self._store = store
        self._ladders = ladders

    async def explain(self, key: str) -> list[Explained]:
        """key: an order number or a notification's id.

        Raises NotFound, StoreUnavailable, StoreError.
        """
        id_ = id_of(key)
        timelines = await self._store.of_id(id_) if id_ else []
        timelines = timelines or await self._store.of_order(key)
        if not timelines:
            raise NotFound(
                f"{shorten(key)} is neither an order with notifications nor a notification's id; "
                "`notifier list` shows what there is"
            )
        return [
            Explained(timeline=timeline, explanation=explain(timeline, self._ladder(timeline)))
            for timeline in timelines
        ]

    def _ladder(self, timeline: Timeline) -> Ladder:
        return self._ladders.get(timeline.standing.ladder) or self._ladders["default"]


def id_of(key: str) -> UUID | None:
    """The id that a person wrote; None where it is none, and so perhaps an order's number."""
    if len(key) not in (32, 36):
        return None
    try:
        return UUID(key)
    except ValueError:
        return None
