"""The ladder: at which distances somebody is told again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from notifier.errors import InvalidInput

DEFAULT_TIERS = (1, 3, 5, 15, 30)
"""Seconds. Source: the tiers of the payment-notification how-to this product grew out of."""
LONGEST_TIER_S = 4_294_967
"""An x-delay is at most 2**32-1 ms."""


MINUTE, HOUR = 60.0, 3600.0

BUILT_IN: Mapping[str, tuple[float, ...]] = {
    "default": tuple(float(tier) for tier in DEFAULT_TIERS),
    "alipay": (0, 4 * MINUTE, *[10 * MINUTE] * 2, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR),
    "wechatpay": (
        *(0, 15, 15, 30, 3 * MINUTE, 10 * MINUTE, 20 * MINUTE, *[30 * MINUTE] * 3, HOUR),
        *(*[3 * HOUR] * 3, *[6 * HOUR] * 2),
    ),
}
"""Seconds. Sources: Alipay's and WeChat Pay's rules for the notification of a payment's result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Delays before the first, second, … attempt. Steps count from 0.

    jitter: at most this part of a retry's delay is added to it, 0 to 1, so that those who were
    refused together do not come back together. give_up_after: from the first moment on; then
    nobody is told any more. None: as long as there are steps.
    """

    name: str
    delays: tuple[timedelta, ...]
    jitter: float = 0.0
    give_up_after: timedelta | None = None

    def delay(self, step: int) -> timedelta:
        """The wait before the attempt of this step; past the end, the last one's."""
        return self.delays[min(step, len(self.delays) - 1)]

    def retry_delay(self, step: int, *, luck: float) -> timedelta:
        """The same with its jitter. luck: from 0 (none of it) to 1 (all of it)."""
        delay = self.delay(step)
        return delay + delay * (self.jitter * luck)

    def has_step(self, step: int) -> bool:
        return step < len(self.delays)


def ladder_of(
    name: str,
    delays_s: Sequence[float],
    *,
    jitter: float = 0.0,
    give_up_after_s: float | None = None,
) -> Ladder:
    """Raises InvalidInput where there is no step, or one is negative."""
    if not delays_s:
        raise InvalidInput(f"ladder {name}", "has no step; give at least one delay in seconds")
    for delay in delays_s:
        if not 0 <= delay <= LONGEST_TIER_S:
            raise InvalidInput(f"ladder {name}", f"{delay!r} is not between 0 and {LONGEST_TIER_S}")
    give_up_after = None if give_up_after_s is None else timedelta(seconds=give_up_after_s)
    delays = tuple(timedelta(seconds=delay) for delay in delays_s)
    return Ladder(name=name, delays=delays, jitter=jitter, give_up_after=give_up_after)


def find_ladder(ladders: Mapping[str, Ladder], name: str) -> Ladder:
    """Raises InvalidInput that names those there are."""
    if name not in ladders:
        raise InvalidInput("ladder", f"there is no {name!r}; there are {', '.join(ladders)}")
    return ladders[name]


def moments(ladder: Ladder, start: datetime) -> list[datetime]:
    """When each attempt is due if every one is refused at once: without jitter, without send times.

    start: when it is accepted. Those after the ladder gives up are left out.
    """
    due, found = start, list[datetime]()
    for delay in ladder.delays:
        due += delay
        found.append(due)
    end = None if ladder.give_up_after is None else found[0] + ladder.give_up_after
    return [moment for moment in found if end is None or moment <= end]


def check_tiers(tiers: Sequence[int]) -> tuple[int, ...]:
    """The tiers as given. Raises InvalidInput where they are empty, unsorted, doubled or absurd."""
    if not tiers:
        raise InvalidInput("tiers", "the list is empty; the default is 1,3,5,15,30")
    for tier in tiers:
        if not 1 <= tier <= LONGEST_TIER_S:
            raise InvalidInput("tiers", f"{tier} is not between 1 and {LONGEST_TIER_S} seconds")
    for earlier, later in pairwise(tiers):
        if later == earlier:
            raise InvalidInput("tiers", f"{later} is given twice; name each tier once")
        if later < earlier:
            raise InvalidInput("tiers", f"{later} comes after {earlier}; sort them, shortest first")
    return tuple(tiers)


def parse_tiers(text: str) -> tuple[int, ...]:
    """Read "1,3,5,15,30" (whole seconds). Raises InvalidInput."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    for part in parts:
        if not part.isascii() or not part.isdigit():
            raise InvalidInput("tiers", f"{part!r} is no whole number of seconds; e.g. 1,3,5")
    return check_tiers([int(part) for part in parts])
