"""Whether an order may be given to a designer: the whole table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from notifier.domain.dispatch import AlreadyOurs, Dispatch, Missing, Taken, Verdict, decide
from notifier.domain.order import OrderRow, OrderStatus

US, ANOTHER = 13926, 777
BEFORE = datetime(2026, 11, 21, 12, tzinfo=UTC)


def verdict(status: int, designer: int | None, dispatched_at: datetime | None) -> Verdict:
    row = OrderRow(order_id=150481, status=status, designer_id=designer, publisher="oPublisher")
    return decide(row, designer_id=US, dispatched_at=dispatched_at)


def test_an_order_that_does_not_exist_is_missing_whatever_was_before() -> None:
    assert decide(None, designer_id=US, dispatched_at=None) == Missing()
    assert decide(None, designer_id=US, dispatched_at=BEFORE) == Missing()


@pytest.mark.parametrize("designer", [None, 0, ANOTHER, US])
def test_an_open_order_is_dispatched(designer: int | None) -> None:
    assert verdict(OrderStatus.OPEN, designer, None) == Dispatch(
        order_id=150481, publisher="oPublisher"
    )


@pytest.mark.parametrize(
    ("status", "designer", "reason"),
    [
        (OrderStatus.DESIGNING, ANOTHER, "taken_by_another"),
        (OrderStatus.DESIGNING, None, "taken_by_another"),
        (OrderStatus.DESIGNING, US, "already_dispatched"),
        (OrderStatus.DESIGNED, ANOTHER, "order_designed"),
        (OrderStatus.FINISHED, US, "order_finished"),
        (OrderStatus.CANCELLED, None, "order_cancelled"),
        (OrderStatus.REJECTED, None, "order_rejected"),
        (17, None, "status_17"),
        (-1, None, "status_-1"),
    ],
)
def test_an_order_that_is_not_open_is_left_alone(
    status: int, designer: int | None, reason: str
) -> None:
    assert verdict(status, designer, None) == Taken(reason=reason)


@pytest.mark.parametrize(
    ("status", "designer", "expected"),
    [
        (OrderStatus.DESIGNING, US, AlreadyOurs()),
        (OrderStatus.DESIGNED, US, AlreadyOurs()),
        (OrderStatus.FINISHED, US, AlreadyOurs()),
        (17, US, AlreadyOurs()),
        (OrderStatus.CANCELLED, US, Taken(reason="order_cancelled")),
        (OrderStatus.REJECTED, US, Taken(reason="order_rejected")),
        (OrderStatus.DESIGNING, ANOTHER, Taken(reason="taken_by_another")),
        (OrderStatus.FINISHED, ANOTHER, Taken(reason="taken_by_another")),
        (OrderStatus.OPEN, None, Taken(reason="order_reopened")),
    ],
)
def test_later_attempts_go_by_the_dispatch_and_not_by_the_status(
    status: int, designer: int | None, expected: Verdict
) -> None:
    assert verdict(status, designer, BEFORE) == expected
