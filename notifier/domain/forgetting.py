"""Whose traces are to be removed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Exactly one of the two. recipient: openid, user id or URL. order_no: all told of an order."""

    recipient: str = ""
    order_no: str = ""

    def is_meant(self, *, recipient: str, order_no: str, user: str) -> bool:
        """user: of whom the payload speaks; a reminder may be told to somebody else."""
        if self.order_no:
            return order_no == self.order_no
        return bool(self.recipient) and self.recipient in (recipient, user)

    def is_named_in(self, text: str) -> bool:
        """As a word of a record of older programs, broken or not; ten digits may follow at the end.

        A reminder is such a name and unix seconds, with nothing between them.
        """
        name = re.escape(self.order_no or self.recipient)
        return bool(re.search(rf"(?<![\w-]){name}(?=\d{{10}}$|[^\w-]|$)", text, re.ASCII))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """rows: without personal data from now on. cancelled: of them, those that still waited.

    in_flight: left alone, since an attempt is under way; ask again. names: what the rows are called
    in the log. lines: of the log that were deleted. entries: of older programs, removed from Redis.
    """

    rows: int = 0
    cancelled: int = 0
    in_flight: int = 0
    names: frozenset[str] = field(default_factory=frozenset)
    lines: int = 0
    entries: int = 0

    def __add__(self, other: Forgotten) -> Forgotten:
        return Forgotten(
            rows=self.rows + other.rows,
            cancelled=self.cancelled + other.cancelled,
            in_flight=self.in_flight + other.in_flight,
            names=self.names | other.names,
            lines=self.lines + other.lines,
            entries=self.entries + other.entries,
        )
