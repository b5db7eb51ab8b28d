"""A push: what a fleet hands to the gateways, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from notifier.domain.notification import Notification, State


class Heard(Enum):
    ACKNOWLEDGED = auto()
    """A client of the user's said that it has it."""
    NOBODY = auto()
    """No gateway has a connection of the user's."""
    SILENT = auto()
    """It went to a gateway, and nobody acknowledged it in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A push that a client resumes. due_at: of its next attempt, or of its last one.

    is_owed: False for one that another connection has acknowledged already.
    """

    notification: Notification
    state: State
    due_at: datetime

    @property
    def id(self) -> UUID:
        return self.notification.id

    @property
    def is_owed(self) -> bool:
        return self.state is not State.SENT
