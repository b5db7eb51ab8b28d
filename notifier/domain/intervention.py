"""What a person's word came to, for one notification."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from notifier.domain.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervened:
    """done: what was changed, "" where nothing was. refused: why not.

    publish: a message that is due now.
    """

    id: UUID
    order_no: str = ""
    done: str = ""
    refused: str = ""
    publish: Message | None = None
