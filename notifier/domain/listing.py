"""Which notifications somebody asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from notifier.domain.notification import ChannelName, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page of a list ends. due_at: where it is ordered by that."""

    id: UUID
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All that is given must hold; () and None: whatever.

    recipient: exactly, as `endpoint:shop`. reason: exactly, or its kind: `exhausted` finds
    `exhausted:45009`. due_since, due_before: UTC. after: what the page before ended with.
    """

    states: Sequence[State] = ()
    order_no: str | None = None
    channel: ChannelName | None = None
    recipient: str | None = None
    reason: str | None = None
    due_since: datetime | None = None
    due_before: datetime | None = None
    after: Place | None = None

    @property
    def asks_for_a_moment(self) -> bool:
        return self.due_since is not None or self.due_before is not None
