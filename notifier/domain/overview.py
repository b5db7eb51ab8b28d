"""How everything stands, as numbers; what is not known is None, and never 0."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from notifier.domain.endpoint import EndpointStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """more: there are others, which were not counted."""

    number: int
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TierCount:
    """What waits for a tier, or is under way. overdue: of them, whose moment is over."""

    tier: int
    state: str
    count: Count
    overdue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    scheduled: Count
    dead: Count
    unknown: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class TierPace:
    """Attempts that began within the window. lateness: None where there was none."""

    sent: int
    retried: int
    dead: int
    other: int
    lateness_p50: timedelta | None
    lateness_p99: timedelta | None

    @property
    def attempts(self) -> int:
        return self.sent + self.retried + self.dead + self.other


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """cells: tier, outcome, floor(ln(lateness in µs) · fineness), how many."""

    window: timedelta
    fineness: int
    cells: Sequence[tuple[int, str, int, int]]

    def of(self, tier: int) -> TierPace:
        outcomes: Counter[str] = Counter()
        late: Counter[int] = Counter()
        for of_tier, outcome, fine, count in self.cells:
            if of_tier == tier:
                outcomes[outcome] += count
                late[fine] += count
        named = {"sent": "sent", "retried": "retry", "dead": "dead"}
        counts = {name: outcomes.pop(outcome, 0) for name, outcome in named.items()}
        return TierPace(
            **counts,
            other=outcomes.total(),
            lateness_p50=self._percentile(late, 0.5),
            lateness_p99=self._percentile(late, 0.99),
        )

    def _percentile(self, late: Counter[int], part: float) -> timedelta | None:
        wanted, seen = part * late.total(), 0
        for fine in sorted(late):
            seen += late[fine]
            if seen >= wanted:
                return timedelta(microseconds=math.exp((fine + 0.5) / self.fineness))
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What becomes due in this stretch of time."""

    begins: datetime
    lasts: timedelta
    count: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """before: what should have been handed over already. after: what is later than all buckets."""

    before: Count
    after: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarAhead:
    """now: the database's time of the look."""

    now: datetime
    buckets: Sequence[Bucket]
    beyond: Beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One that was given up, or of which nobody knows. recipient: masked. words: of its last
    attempt; a receiver's, hence hostile text."""

    id: UUID
    state: str
    reason: str
    channel: str
    role: str
    recipient: str
    order_no: str
    attempt: int
    ended_at: datetime | None
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Those of one reason among the newest. newest: the last of them."""

    state: str
    reason: str
    count: int
    newest: Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """looked_at: how many were grouped. more: there are older ones, which were not."""

    groups: Sequence[FailureGroup]
    looked_at: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsSeen:
    """endpoints: those first that need somebody. number: how many there are in all.

    held: by recipient, what is held back and the least reason by name. put_off: by scope, what
    rests with its endpoint or channel.
    """

    endpoints: Sequence[EndpointStanding]
    number: int
    held: Mapping[str, tuple[Count, str]]
    put_off: Mapping[str, Count]
