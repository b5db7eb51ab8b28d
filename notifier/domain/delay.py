"""Which delays a mechanism holds, and with which one a message is handed to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

MILLISECOND = timedelta(milliseconds=1)
NOW = timedelta(0)
LONGEST_DELAY = (2**32 - 1) * MILLISECOND
"""Source: README of RabbitMQ's plugin; a longer one would be routed at once, without an error."""

NEAR = 15 * MILLISECOND
"""A message that comes so much too early waits for its moment in the process."""
ON_THE_WAY = 25 * MILLISECOND
"""From the calendar to a consumer, which may hold a message for somewhat longer than this."""
LAST_EARLY, LAST_STEP = 15, 25
"""Milliseconds by which a last hop is cut short at least, and between two of them. Together less
than what a consumer waits for itself."""
NEAR_ENOUGH = timedelta(seconds=9.85)
SPENT = 500 * MILLISECOND
"""What a retry may have lost of its delay, to the record and the publish, and count as whole: the
calendar would be more exact, but it is slow records that lose much, and it would slow them down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which mechanism holds what waits. why: for people."""

    mechanism: str
    why: str
    since: datetime


class Delays(Protocol):
    def can_hold(self, delay: timedelta) -> bool:
        """Whether exactly this delay is held, to the millisecond; zero and less always are."""
        ...

    def fit(self, left: timedelta) -> timedelta:
        """The delay to publish with, for what is due in `left`: one that is held.

        Zero where none fits. Such a message comes too early, and who takes it puts its row off
        into the calendar.
        """
        ...

    def lead(self, horizon: timedelta) -> timedelta:
        """How long before its moment the calendar hands a message over."""
        ...


def _leading(milliseconds: int) -> tuple[int, int]:
    """What one hop holds of it, and the unit of that: 59,000 and 1,000 of 59,734."""
    unit: int = 10 ** max(len(str(milliseconds)) - 2, 0)
    return milliseconds // unit * unit, unit


@dataclass(frozen=True, slots=True)
class AnyDelay:
    """Every delay of whole milliseconds."""

    def can_hold(self, delay: timedelta) -> bool:
        return delay <= LONGEST_DELAY

    def fit(self, left: timedelta) -> timedelta:
        """Our exchange serves two leading digits of a delay in one hop, and a hop takes about 3 ms.

        A delay within 15 ms of such a round one is rounded: 996 ms to 990, since whoever gets a
        message a little too early waits for its moment; 2,995 ms to 3,000, which is sooner than
        two hops. Any other takes two hops, three beyond 10 s, and ends 15 to 40 ms early where the
        last of them is shorter than 100 ms: 9,483 ms is 9,400 and 50. The exchange makes a queue
        for each hop on first use, which holds up what comes with it; few are soon there.
        """
        milliseconds = milliseconds_of(left)
        held, unit = _leading(milliseconds)
        rest = milliseconds - held
        if rest * MILLISECOND > NEAR >= (unit - rest) * MILLISECOND:
            return (held + unit) * MILLISECOND
        while rest * MILLISECOND > NEAR:
            hop, unit = _leading(rest)
            if unit == 1:
                return (held + (rest - LAST_EARLY) // LAST_STEP * LAST_STEP) * MILLISECOND
            held, rest = held + hop, rest - hop
        return held * MILLISECOND

    def lead(self, horizon: timedelta) -> timedelta:
        """Late enough that a handful of queues serves all.

        Below 10 s one hop holds tenths of a second: who hands over what has 9.81 to 9.85 s left
        needs one hop for nearly all of it, and ends 10 to 40 ms early.
        """
        return min(horizon, NEAR_ENOUGH)


@dataclass(frozen=True, slots=True)
class TierDelays:
    """The tiers' delays and no other. tiers: seconds."""

    tiers: tuple[int, ...]

    def can_hold(self, delay: timedelta) -> bool:
        return delay <= NOW or self.tier_of(delay) is not None

    def tier_of(self, delay: timedelta) -> int | None:
        """The tier whose delay this is, rounded up to a millisecond."""
        seconds, rest = divmod(milliseconds_of(delay), 1000)
        return seconds if rest == 0 and seconds in self.tiers else None

    def fit(self, left: timedelta) -> timedelta:
        for tier in self.tiers:
            delay = timedelta(seconds=tier)
            if delay - SPENT <= left <= delay + NEAR:
                return delay
        return NOW

    def lead(self, horizon: timedelta) -> timedelta:
        """What the way to a consumer takes; there it waits for its moment."""
        return min(horizon, ON_THE_WAY)


def milliseconds_of(delay: timedelta) -> int:
    """Whole ones, rounded up, so that nothing is early; none for the past."""
    return max(-(-delay // MILLISECOND), 0)
