"""Where a notification waits: in a tier's queue, or in the calendar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.notification import State

SWEEP_GRACE = timedelta(seconds=20)
"""How long after its moment a message may be missing before it is published again."""


NEAR = timedelta(milliseconds=15)
MILLISECOND = timedelta(milliseconds=1)


def delay_until(due_at: datetime, now: datetime) -> timedelta:
    """How long the broker shall hold a message that is due at `due_at`.

    Our exchange serves two leading digits of a delay in one hop, and a hop takes about 3 ms. A
    delay within 15 ms of such a round one is rounded: 996 ms to 990, since whoever gets a message
    a little too early waits for its moment; 2,995 ms to 3,000, which is sooner than three hops.
    """
    milliseconds = max(-(-(due_at - now) // MILLISECOND), 0)
    unit: int = 10 ** max(len(str(milliseconds)) - 2, 0)
    below = milliseconds // unit * unit
    if (milliseconds - below) * MILLISECOND <= NEAR:
        return below * MILLISECOND
    if (below + unit - milliseconds) * MILLISECOND <= NEAR:
        return (below + unit) * MILLISECOND
    return milliseconds * MILLISECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """state: SCHEDULED or WAITING. tier: seconds, names the queue.

    next_sweep_at: when the calendar (SCHEDULED) or the sweeper (WAITING) has to look at it.
    """

    state: State
    tier: int
    due_at: datetime
    next_sweep_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What the broker can hold: the tiers' queues, for at most the horizon.

    can_hold: whether the delay mechanism can hold exactly this delay.
    """

    tiers: tuple[int, ...]
    horizon: timedelta
    can_hold: Callable[[timedelta], bool]

    def place(self, due_at: datetime, now: datetime, *, step_delay: timedelta | None) -> Placement:
        """Decide where to wait until `due_at`.

        step_delay: the ladder's delay that led to this moment; None for a moment that somebody
        asked for. A delay that is a tier's goes to that tier's queue, all else to the first's.
        """
        remaining = due_at - now
        tier = self._tier_of(step_delay)
        is_tiers_delay = tier is not None and remaining == step_delay
        in_broker = is_tiers_delay or remaining <= timedelta(0)
        if not in_broker and remaining <= self.horizon and self.can_hold(remaining):
            in_broker = True
        if in_broker and remaining <= max(self.horizon, timedelta(seconds=self.tiers[-1])):
            return Placement(
                state=State.WAITING,
                tier=tier if tier is not None else self.tiers[0],
                due_at=due_at,
                next_sweep_at=max(due_at, now) + SWEEP_GRACE,
            )
        return Placement(
            state=State.SCHEDULED,
            tier=self.tiers[0],
            due_at=due_at,
            next_sweep_at=due_at - self.horizon,
        )

    def _tier_of(self, step_delay: timedelta | None) -> int | None:
        if step_delay is None:
            return None
        seconds = step_delay.total_seconds()
        return int(seconds) if seconds in self.tiers else None
