"""When every message was due and when it came: two arrays, however many messages there are."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic_ns

from benchmarks.delay.envelope import number_of
from benchmarks.delay.schedule import MS
from benchmarks.delay.wire import BenchmarkError
from notifier.loadtest.lateness import Spread, spread_of

EARLY_MS = 1.0
"""The broker counts in whole milliseconds of its own clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    lost: int
    doubled: int
    early: int

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.early)


class Arrivals:
    """Of messages that are numbered from 0."""

    def __init__(self, messages: int) -> None:
        self._due_ns = array("q", bytes(8 * messages))
        self._came_ns = array("q", bytes(8 * messages))
        self._doubled = 0
        self.came = 0

    def expect(self, number: int, delay_ms: int) -> None:
        """Call right before the message is written: its delay begins now."""
        self._due_ns[number] = monotonic_ns() + delay_ms * MS

    def on_body(self, data: bytes, at: int) -> None:
        number = number_of(data, at)
        if self._came_ns[number]:
            self._doubled += 1
            return
        self._came_ns[number] = monotonic_ns()
        self.came += 1

    @property
    def expected(self) -> int:
        return len(self._came_ns)

    async def wait_for_all(self, tell: Callable[[int], None], *, within_s: float) -> None:
        """Return when each has come; tell how many have, now and then.

        Raises BenchmarkError when all are due and none has come for so long.
        """
        came, last_ns = 0, max(self._due_ns)
        while self.came < self.expected:
            tell(self.came)
            if self.came > came:
                came, last_ns = self.came, max(last_ns, monotonic_ns())
            if monotonic_ns() - last_ns > within_s * 1e9:
                raise BenchmarkError(f"{came} of {self.expected} messages came, then no more")
            await asyncio.sleep(0.2)

    def tally(self) -> Tally:
        return Tally(
            lost=len(self._came_ns) - self.came,
            doubled=self._doubled,
            early=sum(1 for late_ms in self._lateness(self._all()) if late_ms < -EARLY_MS),
        )

    def spread(self, numbers: Sequence[int] | None = None) -> Spread:
        """How late these came, in ms; all of them by default."""
        return spread_of(self._lateness(numbers or self._all()))

    def seconds(self, numbers: Sequence[int]) -> float:
        """From the first of these that was due to the last that came."""
        first_ns = min(self._due_ns[number] for number in numbers)
        return (max(self._came_ns[number] for number in numbers) - first_ns) / 1e9

    def _lateness(self, numbers: Sequence[int]) -> array[float]:
        came, due = self._came_ns, self._due_ns
        return array("d", ((came[n] - due[n]) / MS for n in numbers if came[n]))

    def _all(self) -> range:
        return range(len(self._came_ns))
