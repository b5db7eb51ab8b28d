"""What lets a browser in without an API key: short-lived, for one user, and good for once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from notifier.domain.notification import ChannelName
from notifier.domain.recipient import check_recipient
from notifier.domain.topic import EVERY, check_patterns
from notifier.errors import InvalidInput

LONGEST = 128
"""Characters of a ticket; longer ones are not even looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """user: whose pushes and tasks. topics: patterns of those that may be followed."""

    user: str
    topics: tuple[str, ...] = (EVERY,)


def ticket_of(user: str, topics: Iterable[object] | None = None) -> Ticket:
    """Raises InvalidInput."""
    try:
        checked = check_recipient(ChannelName.PUSH, user, lambda url: url)
    except InvalidInput as error:
        raise InvalidInput("user", str(error).removeprefix("recipient: ")) from None
    return Ticket(user=checked, topics=(EVERY,) if topics is None else check_patterns(topics))
