"""The ladder: at which distances somebody is told again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from notifier.errors import InvalidInput

DEFAULT_TIERS = (1, 3, 5, 15, 30)
"""Seconds. Source: the tiers of the payment-notification how-to this product grew out of."""
LONGEST_TIER_S = 4_294_967
"""An x-delay is at most 2**32-1 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Delays before the first, second, … attempt. Steps count from 0."""

    name: str
    delays: tuple[timedelta, ...]

    def delay(self, step: int) -> timedelta:
        """The wait before the attempt of this step; past the end, the last one's."""
        return self.delays[min(step, len(self.delays) - 1)]

    def has_step(self, step: int) -> bool:
        return step < len(self.delays)


def ladder_of(name: str, delays_s: Sequence[float]) -> Ladder:
    """Raises InvalidInput where there is no step, or one is negative."""
    if not delays_s:
        raise InvalidInput(f"ladder {name}", "has no step; give at least one delay in seconds")
    for delay in delays_s:
        if not 0 <= delay <= LONGEST_TIER_S:
            raise InvalidInput(f"ladder {name}", f"{delay!r} is not between 0 and {LONGEST_TIER_S}")
    return Ladder(name=name, delays=tuple(timedelta(seconds=delay) for delay in delays_s))


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
