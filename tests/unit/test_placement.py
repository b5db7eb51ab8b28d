"""Where a notification waits: in a tier's queue, or in the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.delay import ON_THE_WAY, AnyDelay, Delays, TierDelays
from notifier.domain.notification import State
from notifier.domain.placement import SWEEP_GRACE, Places

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TIERS = (1, 3, 5, 15, 30)


def places(horizon_s: float = 60, delays: Delays | None = None) -> Places:
    return Places(tiers=TIERS, horizon=timedelta(seconds=horizon_s), delays=delays or AnyDelay())


@pytest.mark.parametrize(
    ("due_in_s", "step_s", "state", "tier"),
    [
        (1, 1, State.WAITING, 1),
        (15, 15, State.WAITING, 15),
        (30, 30, State.WAITING, 30),
        (7, 7, State.WAITING, 1),
        (0, None, State.WAITING, 1),
        (-5, None, State.WAITING, 1),
        (0, 15, State.WAITING, 15),
        (59, None, State.WAITING, 1),
        (60, None, State.WAITING, 1),
        (60.000001, None, State.SCHEDULED, 1),
        (3600, 3600, State.SCHEDULED, 1),
        (3600, 3, State.SCHEDULED, 1),
    ],
)
def test_a_tiers_delay_goes_to_its_queue_and_what_is_far_to_the_calendar(
    due_in_s: float, step_s: float | None, state: State, tier: int
) -> None:
    step = None if step_s is None else timedelta(seconds=step_s)
    placement = places().place(NOW + timedelta(seconds=due_in_s), NOW, step_delay=step)
    assert (placement.state, placement.tier) == (state, tier)


def test_a_tier_longer_than_the_horizon_is_still_held_by_the_broker() -> None:
    placement = places(horizon_s=5).place(
        NOW + timedelta(seconds=30), NOW, step_delay=timedelta(seconds=30)
    )
    assert (placement.state, placement.tier) == (State.WAITING, 30)


@pytest.mark.parametrize("step_s", [None, 7.0])
def test_what_the_mechanism_cannot_hold_waits_in_the_calendar_until_its_moment(
    step_s: float | None,
) -> None:
    step = None if step_s is None else timedelta(seconds=step_s)
    due_at = NOW + timedelta(seconds=7)
    placement = places(delays=TierDelays(TIERS)).place(due_at, NOW, step_delay=step)
    assert (placement.state, placement.next_sweep_at) == (State.SCHEDULED, due_at - ON_THE_WAY)


def test_a_refusals_own_moment_is_no_tiers_delay_though_its_step_has_a_tier() -> None:
    """A mechanism that holds only the tiers' delays would deliver it too early, again and again."""
    placement = places(delays=TierDelays(TIERS)).place(
        NOW + timedelta(seconds=20), NOW, step_delay=timedelta(seconds=3)
    )
    assert placement.state is State.SCHEDULED


@given(
    due_in_s=st.floats(-1e6, 1e8),
    step_s=st.none() | st.sampled_from([0.5, *TIERS, 60, 300]),
    horizon_s=st.floats(1, 86400),
    delays=st.sampled_from([AnyDelay(), TierDelays(TIERS)]),
)
def test_somebody_always_looks_and_nobody_looks_for_what_the_broker_still_holds(
    due_in_s: float, step_s: float | None, horizon_s: float, delays: Delays
) -> None:
    due_at = NOW + timedelta(seconds=due_in_s)
    step = None if step_s is None else timedelta(seconds=step_s)
    placement = places(horizon_s, delays).place(due_at, NOW, step_delay=step)
    assert placement.due_at == due_at
    assert placement.tier in TIERS
    if placement.state is State.WAITING:
        assert placement.next_sweep_at == max(due_at, NOW) + SWEEP_GRACE
        assert due_at - NOW <= timedelta(seconds=max(horizon_s, TIERS[-1]))
    else:
        assert placement.next_sweep_at == due_at - delays.lead(timedelta(seconds=horizon_s))
        assert due_at > NOW
