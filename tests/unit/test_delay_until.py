"""How long the broker shall hold a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifier.domain.placement import delay_until

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


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
        (1234, 1234),
        (2995, 3000),
        (14_995, 15_000),
        (59_800, 59_800),
    ],
)
def test_a_delay_near_a_round_one_is_rounded_and_any_other_is_exact(
    left_ms: float, held_ms: int
) -> None:
    held = delay_until(NOW + timedelta(milliseconds=left_ms), NOW)
    assert held == timedelta(milliseconds=held_ms)
