"""With which delay a message is handed to the broker, and which ones it holds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.claim import WORTH_WAITING
from notifier.domain.delay import LONGEST_DELAY, SPENT, AnyDelay, TierDelays

TIERS = TierDelays((1, 3, 5, 15, 30))


def ms(milliseconds: float) -> timedelta:
    return timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize(
    ("left_ms", "held_ms"),
    [
        (-5000, 0),
        (0, 0),
        (0.2, 1),
        (12, 12),
        (99, 99),
        (116, 110),
        (996.2, 990),
        (1000, 1000),
        (1004, 1000),
        (1234, 1200),
        (1250, 1225),
        (2995, 3000),
        (14_995, 15_000),
        (59_800, 59_800),
        (59_734, 59_730),
        (9483, 9450),
        (123_456, 123_425),
    ],
)
def test_a_delay_is_rounded_to_one_that_takes_few_hops(left_ms: float, held_ms: int) -> None:
    assert AnyDelay().fit(ms(left_ms)) == ms(held_ms)


def test_what_is_promoted_in_one_tick_shares_a_handful_of_hold_queues() -> None:
    lead_ms = int(AnyDelay().lead(timedelta(minutes=1)) / ms(1))
    held = {AnyDelay().fit(ms(left)) // ms(1) for left in range(lead_ms - 500, lead_ms)}
    assert len({delay // 100 for delay in held} | {delay % 100 for delay in held}) <= 10


def test_the_exchange_holds_everything_up_to_its_longest() -> None:
    assert AnyDelay().can_hold(LONGEST_DELAY)
    assert not AnyDelay().can_hold(LONGEST_DELAY + ms(1))


@pytest.mark.parametrize(
    ("delay_ms", "is_held"),
    [(-5, True), (0, True), (1, False), (999, False), (1000, True), (1000.5, False), (2000, False)],
)
def test_hold_queues_hold_the_tiers_delays_and_what_is_due(delay_ms: float, is_held: bool) -> None:
    assert TIERS.can_hold(ms(delay_ms)) is is_held


@pytest.mark.parametrize(
    ("left_ms", "held_ms"),
    [
        (-5000, 0),
        (0, 0),
        (30, 0),
        (499, 0),
        (500, 1000),
        (996.2, 1000),
        (1000, 1000),
        (1015, 1000),
        (1016, 0),
        (2995, 3000),
        (14_990, 15_000),
        (59_800, 0),
    ],
)
def test_what_is_almost_a_tiers_delay_takes_it_and_all_else_is_the_calendars(
    left_ms: float, held_ms: int
) -> None:
    assert TIERS.fit(ms(left_ms)) == ms(held_ms)


@given(left_s=st.floats(-10, 100))
def test_what_fits_is_held_and_not_worth_mentioning_early_or_late(left_s: float) -> None:
    left = timedelta(seconds=left_s)
    for delays in (AnyDelay(), TIERS):
        delay = delays.fit(left)
        assert delays.can_hold(delay)
        if delay:
            assert -WORTH_WAITING < delay - left <= SPENT
