"""When an endpoint is left alone: the table, and what holds whatever happens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.breaker import (
    CLOSED,
    Breaker,
    BreakerRules,
    began,
    failed,
    given_up,
    is_sick,
    wait_s,
)
from notifier.domain.outcome import Answer, Held, Outcome, Paused, Permanent, Retry, Sent, Unknown

RULES = BreakerRules(failures=3, first_rest_s=1, longest_rest_s=8)


def after(failures: int, now_s: float = 0, *, rules: BreakerRules = RULES) -> Breaker:
    breaker = CLOSED
    for _ in range(failures):
        breaker = failed(breaker, now_s, rules, is_probe=False, is_silent=True, luck=0)
    return breaker


def answered(status: int) -> Answer:
    return Answer(status=status, latency=timedelta(0))


def test_it_opens_after_so_many_failures_in_a_row_and_rests() -> None:
    assert wait_s(after(2), 0) == 0
    assert wait_s(after(3), 0) == 1
    assert wait_s(after(3), 0.75) == 0.25
    assert wait_s(after(3), 1) == 0
    assert wait_s(after(1000, rules=BreakerRules(failures=0)), 0) == 0, "never, where that is asked"


def test_then_one_may_probe_and_nobody_else() -> None:
    probed = began(after(3), 1)

    assert wait_s(probed, 1) == 1
    assert wait_s(probed, 11) == 20, "longer, the longer it takes"
    assert wait_s(given_up(probed, is_probe=True), 2) == 0, "a probe that was none frees the way"
    assert given_up(probed, is_probe=False) == probed


def test_each_probe_that_fails_doubles_the_rest_up_to_the_longest() -> None:
    breaker, now_s, rests = after(3), 0.0, []
    for _ in range(5):
        now_s += wait_s(breaker, now_s)
        breaker = began(breaker, now_s)
        breaker = failed(breaker, now_s, RULES, is_probe=True, is_silent=True, luck=0)
        rests.append(wait_s(breaker, now_s))
    assert rests == [2, 4, 8, 8, 8]
    answered_again = failed(breaker, now_s, RULES, is_probe=True, is_silent=False, luck=0)
    assert wait_s(answered_again, now_s) == 1, "it answers at least"


def test_what_began_before_it_opened_changes_nothing_when_it_fails_late() -> None:
    opened = after(3)
    assert failed(opened, 0.5, RULES, is_probe=False, is_silent=True, luck=1) == opened


@pytest.mark.parametrize(
    ("outcome", "sick"),
    [
        (Sent(answer=answered(200)), False),
        (Unknown(code="timeout"), True),
        (Unknown(code="reset"), True),
        (Unknown(code="internal"), False),
        (Retry(code="connect"), True),
        (Retry(code="blocked"), False),
        (Retry(code="http_500", answer=answered(500)), True),
        (Retry(code="http_504", answer=answered(504)), True),
        (Retry(code="http_404", answer=answered(404)), False),
        (Retry(code="http_429", answer=answered(429)), False),
        (Retry(code="not_success", answer=answered(200)), False),
        (Permanent(code="http_410", answer=answered(410)), False),
        (Paused(code="secret_unreadable"), False),
        (Held(wait=timedelta(seconds=1)), False),
    ],
)
def test_only_silence_and_server_errors_speak_against_an_endpoint(
    outcome: Outcome | Held, sick: bool
) -> None:
    assert is_sick(outcome) is sick


@given(
    st.lists(st.tuples(st.floats(0, 30), st.booleans(), st.floats(0, 1)), max_size=60),
    st.sampled_from([RULES, BreakerRules()]),
)
def test_whatever_happens_an_open_one_lets_one_call_out_after_each_rest(
    steps: list[tuple[float, bool, float]], rules: BreakerRules
) -> None:
    """Each step: time passes, somebody asks, and if he may call he fails or is heard."""
    breaker, now_s, in_a_row = CLOSED, 0.0, 0
    for passed_s, is_heard, luck in steps:
        now_s += passed_s
        wait = wait_s(breaker, now_s)
        assert 0 <= wait <= rules.longest_rest_s * 1.5
        assert breaker.probed_s is None
        assert breaker.is_open == (in_a_row >= rules.failures)
        if wait:
            continue
        is_probe = breaker.is_open
        breaker = began(breaker, now_s)
        assert (wait_s(breaker, now_s) > 0) == is_probe
        in_a_row = 0 if is_heard else in_a_row + 1
        breaker = (
            CLOSED
            if is_heard
            else failed(breaker, now_s, rules, is_probe=is_probe, is_silent=luck > 0.3, luck=luck)
        )
