"""What a person's word came to, for one notification."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from notifier.domain.message import Message

Moment = datetime | timedelta
"""UTC, or from now on by the database's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervened:
    """done: what was changed, "" where nothing was. refused: why not.

    publish: a message that the broker shall have now. delay: how long it has to hold it.
    """

    id: UUID
    order_no: str = ""
    done: str = ""
    refused: str = ""
    publish: Message | None = None
    delay: timedelta = timedelta(0)
