"""Shares: who is chosen depends on nothing but the key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from notifier.sandbox.rules import is_chosen


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_contains_the_smaller(key: str, one: float, other: float) -> None:
    smaller, larger = sorted((one, other))

    assert is_chosen(key, larger) or not is_chosen(key, smaller)


@given(st.text())
def test_no_share_chooses_nobody_and_the_whole_everybody(key: str) -> None:
    assert not is_chosen(key, 0.0)
    assert is_chosen(key, 1.0)


def test_a_share_is_about_as_large_as_it_says() -> None:
    chosen = sum(is_chosen(f"key {number}", 0.3) for number in range(10_000))

    assert 2_850 <= chosen <= 3_150
