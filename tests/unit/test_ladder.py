"""Tiers and ladders: what is accepted, and what is refused with which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.ladder import (
    BUILT_IN,
    DEFAULT_TIERS,
    check_tiers,
    find_ladder,
    ladder_of,
    moments,
    parse_tiers,
)
from notifier.errors import InvalidInput


def test_the_default_tiers_are_the_documents() -> None:
    assert parse_tiers("1,3,5,15,30") == DEFAULT_TIERS == (1, 3, 5, 15, 30)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the list is empty"),
        ("  ", "the list is empty"),
        ("1,,3", "'' is no whole number"),
        ("1,x", "'x' is no whole number"),
        ("1,2.5", "'2.5' is no whole number"),
        ("1,-3", "'-3' is no whole number"),
        ("1,٣", "'٣' is no whole number"),
        ("3,1", "1 comes after 3; sort them"),
        ("1,3,3", "3 is given twice"),
        ("0,1", "0 is not between 1"),
        ("1,4294968", "4294968 is not between 1"),
    ],
)
def test_a_bad_tier_list_is_refused_with_the_tier(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=r"^tiers: ") as caught:
        parse_tiers(text)
    assert says in str(caught.value)


@given(st.text(st.sampled_from("0123456789, .-x"), max_size=30))
def test_any_text_is_a_sorted_list_without_doubles_or_refused(text: str) -> None:
    try:
        tiers = parse_tiers(text)
    except InvalidInput:
        return
    assert list(tiers) == sorted(set(tiers))
    assert check_tiers(tiers) == tiers


@pytest.mark.parametrize("delays", [[], [-1.0], [1.0, float("nan")], [float("inf")]])
def test_a_ladder_without_steps_or_with_absurd_ones_is_refused(delays: list[float]) -> None:
    with pytest.raises(InvalidInput, match=r"^ladder default: "):
        ladder_of("default", delays)


def test_a_ladder_ends_after_its_last_step() -> None:
    ladder = ladder_of("default", [1, 3, 0.5])
    assert [ladder.has_step(step) for step in range(4)] == [True, True, True, False]
    assert ladder.delay(2) == timedelta(milliseconds=500)
    assert ladder.delay(99) == timedelta(milliseconds=500)


@pytest.mark.parametrize(
    ("name", "attempts", "hours"), [("alipay", 8, 24.4), ("wechatpay", 16, 24 + 4 / 60)]
)
def test_the_payment_ladders_last_a_day(name: str, attempts: int, hours: float) -> None:
    start = datetime(2026, 11, 21, 12, tzinfo=UTC)
    found = moments(ladder_of(name, BUILT_IN[name]), start)
    assert (len(found), found[0]) == (attempts, start)
    assert found[-1] - start == timedelta(hours=hours)


def test_a_ladder_that_gives_up_has_no_moments_after_that() -> None:
    start = datetime(2026, 11, 21, 12, tzinfo=UTC)
    ladder = ladder_of("impatient", [10, 60, 60, 60], give_up_after_s=120)
    assert [moment - start for moment in moments(ladder, start)] == [
        timedelta(seconds=seconds) for seconds in (10, 70, 130)
    ]


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 20))
def test_jitter_only_adds_and_at_most_its_part(jitter: float, luck: float, step: int) -> None:
    ladder = ladder_of("fair", [1, 3, 600], jitter=jitter)
    plain = ladder.delay(step)
    assert plain <= ladder.retry_delay(step, luck=luck) <= plain * (1 + jitter)


def test_an_unknown_ladder_is_refused_with_those_there_are() -> None:
    ladders = {"default": ladder_of("default", [1]), "mine": ladder_of("mine", [2])}
    assert find_ladder(ladders, "mine").name == "mine"
    with pytest.raises(InvalidInput, match=r"ladder: there is no 'x'; there are default, mine"):
        find_ladder(ladders, "x")
