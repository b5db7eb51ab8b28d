"""Where a notification waits: in a tier's queue, or in the calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.delay import Delays
from notifier.domain.notification import State

SWEEP_GRACE = timedelta(seconds=20)
"""How long after its moment a message may be missing before it is published again."""


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
    """What the broker can hold: the tiers' queues, for at most the horizon, and only some delays.

    delays: of the mechanism that is chosen.
    """

    tiers: tuple[int, ...]
    horizon: timedelta
    delays: Delays

    def place(self, due_at: datetime, now: datetime, *, step_delay: timedelta | None) -> Placement:
        """Decide where to wait until `due_at`.

        step_delay: the ladder's delay that led to this moment; None for a moment that somebody
        asked for. A delay that is a tier's goes to that tier's queue, all else to the first's.
        """
        remaining = due_at - now
        tier = self._tier_of(step_delay)
        if self._is_held(remaining, is_tiers=tier is not None and remaining == step_delay):
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
            next_sweep_at=due_at - self.lead,
        )

    def in_calendar(self, due_at: datetime) -> Placement:
        """Where no broker holds it, be it near, and it is handed over when its moment has come."""
        return Placement(
            state=State.SCHEDULED, tier=self.tiers[0], due_at=due_at, next_sweep_at=due_at
        )

    def delay_until(self, due_at: datetime, now: datetime) -> timedelta:
        """How long the broker shall hold a message that is due at `due_at`; see Delays.fit."""
        return self.delays.fit(due_at - now)

    @property
    def lead(self) -> timedelta:
        """How long before its moment the calendar hands a message over."""
        return self.delays.lead(self.horizon)

    def _is_held(self, remaining: timedelta, *, is_tiers: bool) -> bool:
        """A tier's delay is, be it longer than the horizon."""
        if is_tiers or remaining <= timedelta(0):
            return True
        return remaining <= self.horizon and self.delays.can_hold(remaining)

    def _tier_of(self, step_delay: timedelta | None) -> int | None:
        if step_delay is None:
            return None
        seconds = step_delay.total_seconds()
        return int(seconds) if seconds in self.tiers else None
