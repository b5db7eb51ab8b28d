"""The delays that the benchmark chooses make every message due when the schedule says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from benchmarks.delay.mechanisms import MECHANISMS
from benchmarks.delay.schedule import Schedule, one_hop, two_hops


@pytest.mark.parametrize(
    ("messages", "publish_per_s"), [(1_000, 2_000), (20_000, 5_000), (1_000_000, 25_000)]
)
@pytest.mark.parametrize("mechanism", list(MECHANISMS))
def test_every_message_is_due_in_its_window(
    mechanism: str, messages: int, publish_per_s: float
) -> None:
    schedule = Schedule.of(messages, publish_per_s=publish_per_s)
    paced, burst = set(schedule.paced), set(schedule.burst)
    assert not paced & burst
    assert len(paced) + len(burst) == messages
    for lengths in MECHANISMS[mechanism](schedule.longest_ms, schedule.step_s).lengths:
        # A part of them will do.
        for number in range(0, messages, messages // 1_000 + 1):
            due_s = _due_s(schedule, number, publish_per_s, lengths)
            if number in paced:
                assert schedule.paced_from_s <= due_s < schedule.paced_until_s
            else:
                assert schedule.burst_from_s <= due_s < schedule.burst_until_s


def _due_s(schedule: Schedule, number: int, publish_per_s: float, lengths: Sequence[int]) -> float:
    passed_s = number / publish_per_s
    return passed_s + schedule.delay_ms(number, passed_s, lengths) / 1000


def test_a_message_that_is_published_too_late_waits_the_shortest_time() -> None:
    schedule = Schedule.of(1_000, publish_per_s=1_000)
    lengths = one_hop(schedule.longest_ms)
    assert schedule.delay_ms(1, 3_600, lengths) == lengths[0]


def test_one_hop_has_two_digits_and_two_hops_have_three() -> None:
    for longest_ms in (5_000, 120_000):
        kinds = (one_hop(longest_ms), two_hops(longest_ms))
        digits = [Counter(len(str(ms).rstrip("0")) for ms in kind) for kind in kinds]
        assert set(digits[0]) == {1, 2}
        assert set(digits[1]) == {3}
        assert all(kind == sorted(set(kind)) and kind[-1] > longest_ms for kind in kinds)
