"""Whether an order may be given to a designer: decided from its row, under its lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from notifier.domain.order import OrderRow, OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Take the order for the designer now, and tell its publisher (at `publisher`)."""

    order_id: int
    publisher: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyOurs:
    """Dispatched by an earlier attempt of this notification: only tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Leave the order alone; the notification ends cancelled."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """No such order (yet): the attempt failed, try again later."""


Verdict = Dispatch | AlreadyOurs | Taken | Missing

REASONS = {
    OrderStatus.DESIGNED: "order_designed",
    OrderStatus.FINISHED: "order_finished",
    OrderStatus.CANCELLED: "order_cancelled",
    OrderStatus.REJECTED: "order_rejected",
}


def decide(row: OrderRow | None, *, designer_id: int, dispatched_at: datetime | None) -> Verdict:
    """Later attempts go by `dispatched_at`, not by the status.

    Then only a cancelled or rejected order, or one that is not this designer's any more, cancels.
    """
    if row is None:
        return Missing()
    if dispatched_at is not None:
        if row.status in (OrderStatus.CANCELLED, OrderStatus.REJECTED):
            return Taken(reason=REASONS[OrderStatus(row.status)])
        if row.designer_id is None:
            return Taken(reason="order_reopened")
        if row.designer_id != designer_id:
            return Taken(reason="taken_by_another")
        return AlreadyOurs()
    if row.status == OrderStatus.OPEN:
        return Dispatch(order_id=row.order_id, publisher=row.publisher)
    if row.status == OrderStatus.DESIGNING:
        ours = row.designer_id == designer_id
        return Taken(reason="already_dispatched" if ours else "taken_by_another")
    known = row.status in set(OrderStatus)
    return Taken(reason=REASONS[OrderStatus(row.status)] if known else f"status_{row.status}")
