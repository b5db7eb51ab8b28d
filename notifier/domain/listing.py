"""Which notifications somebody asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from notifier.domain.notification import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All that is given must hold; () and None: whatever.

    reason: exactly, or its kind: `exhausted` finds `exhausted:45009`. due_since, due_before: UTC.
    """

    states: Sequence[State] = ()
    order_no: str | None = None
    reason: str | None = None
    due_since: datetime | None = None
    due_before: datetime | None = None

    @property
    def asks_for_a_moment(self) -> bool:
        return self.due_since is not None or self.due_before is not None
