"""The plan of the orders, percentiles, the pace, and when a run is over."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from notifier.domain.notification import State
from notifier.domain.order import OPENID, ORDER_NO
from notifier.errors import InvalidInput
from notifier.loadtest.generate import BATCH, paced
from notifier.loadtest.judge import Effect
from notifier.loadtest.lateness import AttemptRow, as_received, by_attempts, spread_of
from notifier.loadtest.load import refused_at_first
from notifier.loadtest.plan import MOST_ORDERS, Plan, submissions_of
from notifier.loadtest.watch import all_ended

BEGAN = datetime(2026, 11, 21, 13, 0, 0, 123456, tzinfo=UTC)


def plan(count: int = 3, *, salt: str = "ab12") -> Plan:
    return Plan(count=count, began=BEGAN, salt=salt)


def test_every_order_and_person_of_a_run_is_another() -> None:
    orders = plan(1000).orders(range(1000))

    people = [openid for order in orders for openid in (order.designer, order.publisher)]
    assert len(set(people)) == 2000
    assert len({order.order_no for order in orders}) == 1000
    assert len({order.order_id for order in orders}) == 1000
    assert all(OPENID.fullmatch(openid) for openid in people)
    assert all(ORDER_NO.fullmatch(order.order_no) for order in orders)


def test_runs_of_one_moment_share_nobody_and_later_ones_no_order() -> None:
    one, other = plan().orders(range(3)), plan(salt="cd34").orders(range(3))
    later = Plan(count=1, began=BEGAN + timedelta(milliseconds=1), salt="ab12").orders(range(1))

    assert not {each.designer for each in one} & {each.designer for each in other}
    assert later[0].order_id - one[0].order_id == MOST_ORDERS


def test_the_same_orders_submitted_again_have_the_same_keys_and_no_moment_of_their_own() -> None:
    once, again = (submissions_of(plan().orders(range(3)), BEGAN) for _ in range(2))

    assert once == again
    assert len({each.dedupe_key for each in once}) == 3
    assert {(each.due_at, each.delay, each.order_book) for each in once} == {
        (None, None, "loadtest")
    }


@pytest.mark.parametrize("count", [0, -1, MOST_ORDERS + 1])
def test_a_count_out_of_bounds_is_refused(count: int) -> None:
    with pytest.raises(InvalidInput, match="count"):
        plan(count)


def test_percentiles_are_values_that_occurred() -> None:
    spread = spread_of([float(value) for value in range(100, 0, -1)])

    assert (spread.p50, spread.p95, spread.p99, spread.max) == (50, 95, 99, 100)
    assert spread_of([7.0]).p99 == 7.0


def test_lateness_is_told_by_tier_and_from_both_ends() -> None:
    due_at = BEGAN
    rows = [
        AttemptRow(whom="a", tier=1, due_at=due_at, lateness_ms=2.0, outcome="retry"),
        AttemptRow(whom="a", tier=3, due_at=due_at, lateness_ms=4.0, outcome="sent"),
        AttemptRow(whom="b", tier=1, due_at=due_at, lateness_ms=6.0, outcome="sent"),
        AttemptRow(whom="c", tier=1, due_at=due_at, lateness_ms=99.0, outcome="released"),
    ]
    effects = [
        Effect(whom="a", received_at=due_at.timestamp() + 0.010),
        Effect(whom="b", received_at=due_at.timestamp() + 0.020),
    ]

    attempted, received = by_attempts(rows), as_received(rows, effects)

    assert {tier: each.max for tier, each in attempted.items()} == {1: 6.0, 3: 4.0}
    assert attempted[1].count == 2
    assert {tier: round(each.max) for tier, each in received.items()} == {1: 20, 3: 10}


@pytest.mark.parametrize(
    ("states", "ended"),
    [
        ({}, False),
        ({State.SENT: 10}, True),
        ({State.SENT: 6, State.DEAD: 2, State.CANCELLED: 1, State.UNKNOWN: 1}, True),
        ({State.SENT: 9, State.WAITING: 1}, False),
        ({State.SENT: 9, State.IN_FLIGHT: 1}, False),
        ({State.SENT: 4}, False),
    ],
)
def test_a_run_is_over_when_no_row_waits(states: dict[State, int], ended: bool) -> None:
    assert all_ended(states, accepted=5) is ended


async def test_without_a_rate_the_batches_are_large_and_complete() -> None:
    numbers = [each async for each in paced(2 * BATCH + 1, None)]

    assert [len(each) for each in numbers] == [BATCH, BATCH, 1]
    assert list(itertools.chain(*numbers)) == list(range(2 * BATCH + 1))


async def test_a_rate_is_kept_from_the_first_order_on_in_small_batches() -> None:
    began = monotonic()
    at = [(each, monotonic() - began) async for each in paced(50, 100)]

    assert list(itertools.chain(*(each for each, _ in at))) == list(range(50))
    assert all(moment >= each[0] / 100 - 0.001 for each, moment in at)
    assert at[-1][1] >= 0.48
    assert len(at) > 2


def test_half_of_the_refused_are_refused_twice() -> None:
    rule = {"match": {"openid": "oLT1-*"}}

    first, second = refused_at_first(0.3, rule)

    assert (first["share"], second["share"]) == (0.3, 0.15)
    assert first["match"] == second["match"] == {"openid": "oLT1-*"}
    assert refused_at_first(0, rule) == []
