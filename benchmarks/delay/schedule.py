"""When each of many held messages is to be due, and the delay that makes it so."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

MS = 1_000_000
"""In ns."""

PACED_PER_S = 1_000
_PACED = 10_000
_REST_S = 130
"""The collector's turn comes every minute, and it looks twice before it takes a queue to rest."""
_WORTH_RESTING = 100_000
_STRIDE = 7919
"""A prime that no window's size is a multiple of: turns spread over the whole window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """All are held at first; then some come at an even pace, then all others in one burst.

    paced_every: each message whose number this divides is one of the paced. rest_s: how long to
    leave the broker alone before its memory is read. The windows are seconds after publishing
    began.
    """

    messages: int
    paced_every: int
    rest_s: float
    paced_from_s: float
    paced_until_s: float
    burst_from_s: float
    burst_until_s: float

    @classmethod
    def of(cls, messages: int, *, publish_per_s: float) -> Schedule:
        """publish_per_s: what to expect, once the exchange has made its hold queues.

        Making those, and a look at the memory, take some seconds more.
        """
        paced_every = max(5, messages // _PACED)
        rest_s = _REST_S if messages >= _WORTH_RESTING else 0
        paced_from_s = 1.4 * messages / publish_per_s + rest_s + 10 + messages / 100_000
        paced_until_s = paced_from_s + max(4, messages / paced_every / PACED_PER_S)
        # What waits in two hops moves to the second while it is not yet due; the paced are not to
        # notice.
        burst_from_s = paced_until_s + 1 + _unit(round(2_000 * paced_until_s)) / 1000
        return cls(
            messages=messages,
            paced_every=paced_every,
            rest_s=rest_s,
            paced_from_s=paced_from_s,
            paced_until_s=paced_until_s,
            burst_from_s=burst_from_s,
            burst_until_s=burst_from_s + 2 + messages / 100_000,
        )

    @property
    def paced(self) -> Sequence[int]:
        """Numbers of messages, ascending."""
        return range(0, self.messages, self.paced_every)

    @property
    def burst(self) -> Sequence[int]:
        """The others."""
        every = self.paced_every
        return array("q", (number for number in range(self.messages) if number % every))

    @property
    def longest_ms(self) -> int:
        return round(self.burst_until_s * 1000)

    @property
    def step_s(self) -> int:
        """Lengths no further apart than this: each window has one, whenever it is looked at."""
        return max(1, int(self.burst_until_s - self.burst_from_s) // 2)

    def delay_ms(self, number: int, passed_s: float, lengths: Sequence[int]) -> int:
        """One of `lengths` (ms, ascending) with which a message published now is due in its window.

        passed_s: since publishing began. Where the window is too near, the shortest; where there
        is no length in the window, the next one.
        """
        turn, rest = divmod(number, self.paced_every)
        is_paced = rest == 0
        from_s = self.paced_from_s if is_paced else self.burst_from_s
        until_s = self.paced_until_s if is_paced else self.burst_until_s
        low = bisect_left(lengths, (from_s - passed_s) * 1000)
        high = bisect_left(lengths, (until_s - passed_s) * 1000)
        spread = (turn if is_paced else number) * _STRIDE
        return lengths[low + spread % max(1, high - low)]


def one_hop(longest_ms: int) -> list[int]:
    """Delays of whole seconds and no more than two digits before the zeros, to this and beyond."""
    return [ms for ms in range(1_000, _beyond(longest_ms), 1_000) if ms % _unit(ms) == 0]


def two_hops(longest_ms: int) -> list[int]:
    """Those of just three digits: our exchange serves two of them first, then the third."""
    hundredths = range(1_000, _beyond(longest_ms), 10)
    return [ms for ms in hundredths if ms % _unit(ms) != 0 and ms % (_unit(ms) // 10) == 0]


def _beyond(longest_ms: int) -> int:
    return 2 * longest_ms + 100_000


def _unit(ms: int) -> int:
    """What the second digit counts."""
    return 1 if ms < 100 else 10 * _unit(ms // 10)
