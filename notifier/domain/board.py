"""What is due next, in the order of the moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from notifier.domain.notification import ChannelName, Role, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """One that is still to be told.

    recipient: masked, as all that leaves the database for a board. step: place in the ladder, from
    0. attempt: the next or the running one. tier: seconds, names the queue.
    """

    id: UUID
    due_at: datetime
    channel: ChannelName
    role: Role
    recipient: str
    template: str
    order_no: str
    state: State
    ladder: str
    step: int
    attempt: int
    tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """upcoming: in the order of the moments. count: how many the whole board has.

    more: whether there are others that it has no room for. now: the database's time of the look.
    """

    upcoming: Sequence[Upcoming]
    count: int
    more: bool
    now: datetime

    def first(self, most: int) -> Board:
        return replace(self, upcoming=self.upcoming[:most])
