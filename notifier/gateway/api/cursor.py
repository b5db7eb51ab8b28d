"""Where a page of a list ends, as a word that means nothing to anybody else."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from uuid import UUID

from notifier.domain.listing import Place
from notifier.errors import InvalidInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def write_cursor(place: Place) -> str:
    body = place.id.bytes
    if place.due_at is not None:
        body += ((place.due_at - EPOCH) // MICROSECOND).to_bytes(8, "big")
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def read_cursor(text: str, *, by_moment: bool) -> Place:
    """by_moment: whether the list is ordered by that. Raises InvalidInput."""
    try:
        body = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if len(body) != (24 if by_moment else 16):
            raise ValueError
        due_at = EPOCH + int.from_bytes(body[16:], "big") * MICROSECOND if by_moment else None
        return Place(id=UUID(bytes=body[:16]), due_at=due_at)
    except (binascii.Error, ValueError, OverflowError):
        raise InvalidInput(
            "cursor", "is not what an answer with the same filters gave as `next`"
        ) from None
