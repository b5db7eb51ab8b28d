"""What to do with a delivered message: the whole table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifier.domain.claim import (
    Claim,
    Cursor,
    Decision,
    Forget,
    NoRow,
    PublishLater,
    TooEarly,
    decide,
)
from notifier.domain.notification import TERMINAL, State

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def decided(
    state: State, row_seq: int, seq: int, *, redelivered: bool = False, due_at: datetime = NOW
) -> Decision:
    cursor = Cursor(state=state, seq=row_seq, due_at=due_at)
    return decide(cursor, seq=seq, redelivered=redelivered, now=NOW)


@pytest.mark.parametrize("redelivered", [False, True])
def test_no_row_is_no_row(redelivered: bool) -> None:
    assert decide(None, seq=1, redelivered=redelivered, now=NOW) == NoRow()


@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize("late_s", [0, 1, 86400])
def test_a_waiting_row_that_is_due_is_claimed(redelivered: bool, late_s: int) -> None:
    due_at = NOW - late_s * SECOND
    assert decided(State.WAITING, 4, 4, redelivered=redelivered, due_at=due_at) == Claim()


def test_a_microsecond_too_early_is_too_early() -> None:
    early = timedelta(microseconds=1)
    assert decided(State.WAITING, 4, 4, due_at=NOW + early) == TooEarly(remaining=early)


@pytest.mark.parametrize("seq", [1, 2, 3])
@pytest.mark.parametrize("state", sorted(TERMINAL))
@pytest.mark.parametrize("redelivered", [False, True])
def test_a_settled_row_forgets_every_message(state: State, seq: int, redelivered: bool) -> None:
    assert isinstance(decided(state, 2, seq, redelivered=redelivered), Forget)


@pytest.mark.parametrize(
    ("state", "row_seq", "seq", "redelivered", "expected"),
    [
        (State.WAITING, 5, 4, False, Forget),
        (State.WAITING, 5, 4, True, PublishLater),
        (State.WAITING, 9, 4, True, PublishLater),
        (State.WAITING, 4, 5, False, Forget),
        (State.WAITING, 4, 5, True, Forget),
        (State.IN_FLIGHT, 4, 4, False, Forget),
        (State.IN_FLIGHT, 4, 4, True, Forget),
        (State.IN_FLIGHT, 5, 4, True, Forget),
        (State.SCHEDULED, 4, 4, False, Forget),
        (State.SCHEDULED, 5, 4, True, Forget),
    ],
)
def test_a_lost_claim_is_forgotten_unless_a_later_schedule_may_be_unpublished(
    state: State, row_seq: int, seq: int, redelivered: bool, expected: type
) -> None:
    assert isinstance(decided(state, row_seq, seq, redelivered=redelivered), expected)
