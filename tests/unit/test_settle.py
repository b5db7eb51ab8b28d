"""What an outcome makes of its notification: the table of states, and what must hold for all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.delay import AnyDelay
from notifier.domain.ladder import ladder_of
from notifier.domain.notification import TERMINAL, State
from notifier.domain.outcome import Outcome, Paused, Permanent, Retry, Sent, Unknown
from notifier.domain.placement import Places
from notifier.domain.settle import InFlight, Next, Rules, crash, may_send, release, settle

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TIERS = (1, 3, 5, 15, 30)
LAST = len(TIERS) - 1
ROW = InFlight(seq=4, step=1, attempt=7)
PROTECTED_FOR = timedelta(seconds=600)
RULES = Rules(
    ladder=ladder_of("default", TIERS),
    places=Places(tiers=TIERS, horizon=60 * SECOND, delays=AnyDelay()),
    protected_for=PROTECTED_FOR,
    send_timeout=14 * SECOND,
    pause=60 * SECOND,
)
UNPROTECTED = replace(RULES, protected_for=timedelta(0))
FOREVER = replace(RULES, protected_for=None)

codes = st.text(max_size=20)
moments = st.datetimes(datetime(2026, 11, 20), datetime(2026, 11, 30), timezones=st.just(UTC))
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Sent),
    st.builds(Permanent, code=codes),
    st.builds(Unknown, code=codes),
    st.builds(Paused, code=codes, resume_at=st.none() | moments),
    st.builds(Retry, code=codes, not_before=st.timedeltas(timedelta(0), timedelta(days=2))),
)
rows = st.builds(
    InFlight,
    seq=st.integers(1, 10**6),
    step=st.integers(0, 7),
    attempt=st.integers(1, 10**4),
    crashes=st.integers(0, 2),
    unknown_since=st.none() | moments,
    cancel_requested=st.sampled_from(["", "by_hand"]),
)
rules_ = st.sampled_from([RULES, UNPROTECTED, FOREVER])


def settled(outcome: Outcome, row: InFlight = ROW, rules: Rules = RULES) -> Next:
    return settle(row, outcome, rules, began=NOW - SECOND, now=NOW)


@pytest.mark.parametrize(
    ("outcome", "state", "reason", "attempted"),
    [
        (Sent(), State.SENT, "", "sent"),
        (Permanent(code="43004"), State.DEAD, "43004", "dead"),
    ],
)
def test_an_end_is_an_end(outcome: Outcome, state: State, reason: str, attempted: str) -> None:
    after = settled(outcome)
    assert (after.state, after.reason, after.attempted) == (state, reason, attempted)
    assert (after.seq, after.step, after.attempt) == (ROW.seq, ROW.step, ROW.attempt)


@pytest.mark.parametrize("outcome", [Retry(code="-1"), Unknown(code="timeout")])
def test_retry_and_unknown_climb_one_step(outcome: Outcome) -> None:
    after = settled(outcome)
    assert (after.state, after.seq, after.step, after.attempt) == (State.WAITING, 5, 2, 8)
    assert (after.tier, after.due_at) == (5, NOW + 5 * SECOND)


def test_a_refusal_that_names_a_later_moment_is_obeyed() -> None:
    assert settled(Retry(code="busy", not_before=20 * SECOND)).due_at == NOW + 20 * SECOND
    assert settled(Retry(code="busy", not_before=SECOND)).due_at == NOW + 5 * SECOND
    assert settled(Retry(code="busy", not_before=timedelta(hours=2))).state is State.SCHEDULED


def test_after_the_last_step_it_is_dead() -> None:
    after = settled(Retry(code="-1"), replace(ROW, step=LAST))
    assert (after.state, after.reason, after.attempted) == (State.DEAD, "exhausted:-1", "retry")


def test_a_ladder_with_an_unknown_attempt_ends_unknown() -> None:
    told_perhaps = replace(ROW, step=LAST, unknown_since=NOW - 10 * SECOND)
    assert settled(Retry(code="-1"), told_perhaps).state is State.UNKNOWN
    assert settled(Unknown(code="timeout"), replace(ROW, step=LAST)).state is State.UNKNOWN


def test_a_refusal_for_good_after_an_unknown_attempt_ends_unknown_as_well() -> None:
    """Nobody may replay it without force: the earlier attempt may have told."""
    after = settled(Permanent(code="43004"), replace(ROW, unknown_since=NOW - 10 * SECOND))
    assert (after.state, after.reason, after.attempted) == (State.UNKNOWN, "43004", "dead")


@pytest.mark.parametrize(
    ("resume_at", "due_at"),
    [
        (None, NOW + 60 * SECOND),
        (NOW + 30 * SECOND, NOW + 30 * SECOND),
        (NOW - 30 * SECOND, NOW),
        (NOW + timedelta(hours=9), NOW + timedelta(hours=9)),
    ],
)
def test_a_paused_channel_burns_no_step(resume_at: datetime | None, due_at: datetime) -> None:
    after = settled(Paused(code="45009", resume_at=resume_at))
    assert (after.seq, after.step, after.attempt) == (5, 1, 8)
    assert (after.attempted, after.due_at) == ("released", due_at)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Sent(), State.SENT),
        (Permanent(code="x"), State.DEAD),
        (Retry(code="x"), State.CANCELLED),
        (Unknown(code="x"), State.CANCELLED),
        (Paused(code="x"), State.CANCELLED),
    ],
)
def test_a_request_to_cancel_ends_what_would_have_been_tried_again(
    outcome: Outcome, state: State
) -> None:
    after = settled(outcome, replace(ROW, cancel_requested="by_hand"))
    assert after.state is state
    assert (after.reason == "by_hand") == (state is State.CANCELLED)


def test_what_no_id_protects_is_never_sent_again_after_an_unknown_outcome() -> None:
    after = settled(Unknown(code="timeout"), rules=UNPROTECTED)
    assert (after.state, after.reason) == (State.UNKNOWN, "unprotected")
    after = crash(ROW, UNPROTECTED, began=NOW - SECOND, now=NOW)
    assert (after.state, after.reason) == (State.UNKNOWN, "unprotected")


def test_protection_must_cover_the_next_send_to_its_end() -> None:
    ends_with_the_send = NOW + 5 * SECOND + RULES.send_timeout - PROTECTED_FOR
    on_time = replace(ROW, unknown_since=ends_with_the_send + timedelta(microseconds=1))
    too_late = replace(ROW, unknown_since=ends_with_the_send)
    assert settled(Retry(code="-1"), on_time).state is State.WAITING
    assert settled(Retry(code="-1"), too_late).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("since_s", "rules", "expected"),
    [
        (None, UNPROTECTED, True),
        (0, UNPROTECTED, False),
        (585, RULES, True),
        (586, RULES, False),
        (10**7, FOREVER, True),
    ],
)
def test_a_send_may_start_while_the_id_protects(
    since_s: int | None, rules: Rules, expected: bool
) -> None:
    since = None if since_s is None else NOW - since_s * SECOND
    assert may_send(since, rules, NOW) is expected


def test_the_first_unknown_moment_is_kept() -> None:
    first = NOW - 30 * SECOND
    assert settled(Unknown(code="t")).unknown_since == NOW - SECOND
    assert settled(Unknown(code="t"), replace(ROW, unknown_since=first)).unknown_since == first
    assert settled(Retry(code="t"), replace(ROW, unknown_since=first)).unknown_since == first


def test_a_crash_repeats_the_step_at_once_and_closes_the_attempt_as_unknown() -> None:
    after = crash(ROW, RULES, began=NOW - 40 * SECOND, now=NOW)
    assert (after.state, after.seq, after.step, after.attempt) == (State.WAITING, 5, 1, 8)
    assert (after.due_at, after.attempted, after.crashes) == (NOW, "unknown", 1)
    assert (after.tier, after.unknown_since) == (3, NOW - 40 * SECOND)


@pytest.mark.parametrize("outcome", [Permanent(code="x"), Retry(code="x"), Unknown(code="x")])
def test_somebody_has_to_tell_the_owner_of_what_is_given_up(outcome: Outcome) -> None:
    rules, last = replace(FOREVER, tells_owner=True), replace(ROW, step=LAST)
    assert settled(outcome, last, rules).next_sweep_at == NOW
    assert settled(outcome, last).next_sweep_at is None
    assert settled(Sent(), last, rules).next_sweep_at is None
    crashed = crash(replace(last, crashes=2), rules, began=NOW - SECOND, now=NOW)
    assert (crashed.state, crashed.next_sweep_at) == (State.UNKNOWN, NOW)


def test_three_crashes_in_a_row_give_up() -> None:
    after = crash(replace(ROW, crashes=2), RULES, began=NOW, now=NOW)
    assert (after.state, after.reason) == (State.UNKNOWN, "crash_loop")


def test_an_answer_between_two_crashes_breaks_the_row_of_them() -> None:
    assert settled(Retry(code="-1"), replace(ROW, crashes=2)).crashes == 0


def test_a_claim_given_back_breaks_no_row_of_crashes() -> None:
    after = release(replace(ROW, crashes=2), RULES, until=NOW, now=NOW)
    assert after.crashes == 2


def test_a_release_burns_neither_step_nor_attempt() -> None:
    after = release(ROW, RULES, until=NOW + 10 * SECOND, now=NOW)
    assert (after.seq, after.step, after.attempt) == (5, 1, 7)
    assert (after.attempted, after.due_at) == ("", NOW + 10 * SECOND)


@given(row=rows, outcome=outcomes, rules=rules_)
def test_what_must_hold_for_every_outcome(row: InFlight, outcome: Outcome, rules: Rules) -> None:
    after = settle(row, outcome, rules, began=NOW - SECOND, now=NOW)
    expect_sound(row, after)
    if after.step != row.step:
        assert isinstance(outcome, Retry | Unknown)
        assert after.step == row.step + 1
        assert after.due_at is not None
        assert after.due_at >= NOW + rules.ladder.delay(after.step)
    if isinstance(outcome, Retry) and after.due_at is not None:
        assert after.due_at >= NOW + outcome.not_before
    assert (after.state is State.SENT) == isinstance(outcome, Sent)
    if row.unknown_since is not None or isinstance(outcome, Unknown):
        assert after.state is not State.DEAD
        assert after.unknown_since is not None
    assert after.attempted


@given(row=rows, rules=rules_, until=moments)
def test_what_must_hold_for_crashes_and_releases(
    row: InFlight, rules: Rules, until: datetime
) -> None:
    crashed = crash(row, rules, began=NOW - SECOND, now=NOW)
    expect_sound(row, crashed)
    assert crashed.step == row.step
    assert crashed.attempted == "unknown"
    released = release(row, rules, until=until, now=NOW)
    expect_sound(row, released)
    assert (released.step, released.attempt) == (row.step, row.attempt)


def expect_sound(row: InFlight, after: Next) -> None:
    """Terminal or due, never both and never neither; seq grows with every schedule and only so."""
    if after.state in TERMINAL:
        assert after.due_at is None
        assert after.next_sweep_at is None
        assert (after.seq, after.attempt) == (row.seq, row.attempt)
        return
    assert after.state in (State.WAITING, State.SCHEDULED)
    assert not row.cancel_requested
    assert after.due_at is not None
    assert after.due_at >= NOW
    assert after.next_sweep_at is not None
    assert after.tier in TIERS
    assert after.seq == row.seq + 1
    assert after.attempt == row.attempt + (1 if after.attempted else 0)
    assert after.reason == ""


@pytest.mark.parametrize("outcome", [Retry(code="-1"), Unknown(code="timeout")])
def test_whose_next_attempt_would_come_after_its_deadline_ends_now(outcome: Outcome) -> None:
    late = replace(ROW, deadline_at=NOW + 4 * SECOND)
    in_time = replace(ROW, deadline_at=NOW + 5 * SECOND)
    ended = settled(outcome, late, FOREVER)
    assert ended.state in (State.DEAD, State.UNKNOWN)
    assert (ended.state is State.DEAD) == isinstance(outcome, Retry)
    assert ended.reason == f"expired:{outcome.code}"
    assert settled(outcome, in_time, FOREVER).state is State.WAITING


def test_jitter_comes_later_by_its_part() -> None:
    rules = replace(RULES, ladder=ladder_of("fair", TIERS, jitter=0.5), luck=0.5)
    after = settled(Retry(code="-1"), ROW, rules)
    assert (after.due_at, after.tier) == (NOW + 6.25 * SECOND, 5)


def test_what_no_moment_is_promised_to_waits_in_the_calendar_however_near_it_is() -> None:
    until = NOW + 2 * SECOND
    near = release(ROW, RULES, until=until, now=NOW, reason="rate_limit")
    shelved = release(ROW, RULES, until=until, now=NOW, reason="endpoint_down", is_exact=False)

    assert (near.state, near.reason) == (State.WAITING, "rate_limit")
    assert (shelved.state, shelved.reason) == (State.SCHEDULED, "endpoint_down")
    assert shelved.due_at == shelved.next_sweep_at == until
    assert (shelved.step, shelved.attempt) == (ROW.step, ROW.attempt)
