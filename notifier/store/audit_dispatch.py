"""What must always be true between a dispatch, its order and its publisher's notification."""

from __future__ import annotations

from notifier.domain.order import OrderStatus
from notifier.store.audit_checks import Check, Group
from notifier.store.orders import OrderTable
from notifier.store.sql import literal, quoted

GIVEN_UP = "{0}.state = 'cancelled' AND {0}.reason IN ('taken_by_another', 'order_reopened')"
"""The application took the order back; then it may be dispatched again."""

# In this order, and no other: the orders dispatched twice are few, and none of this has an index.
DISPATCHED_ONCE = Group(
    source="FROM (SELECT order_book, order_id, COUNT(*) AS times FROM notifier_notification "
    "WHERE role = 'designer' AND dispatched_at IS NOT NULL "
    "GROUP BY order_book, order_id HAVING times > 1) d "
    "STRAIGHT_JOIN notifier_notification n "
    "ON n.order_book = d.order_book AND n.order_id = d.order_id AND n.role = 'designer' "
    "STRAIGHT_JOIN notifier_notification m "
    "ON m.order_book = n.order_book AND m.order_id = n.order_id AND m.role = 'designer' "
    "AND m.dispatched_at >= n.dispatched_at AND m.id <> n.id",
    checks=(
        Check(
            name="dispatched_once",
            broken="(n.settled_at IS NULL OR n.settled_at > m.dispatched_at) "
            f"AND NOT ({GIVEN_UP.format('n')})",
            found="CONCAT('order ', n.order_id, ' was dispatched by this one and, before it "
            "ended, by ', LOWER(HEX(m.id)))",
            expected="one notification at a time dispatches an order",
        ),
    ),
)

# By order_no, which has an index; parent_id has none.
PUBLISHERS = Group(
    source="FROM notifier_notification n LEFT JOIN notifier_notification p "
    "ON p.order_no = n.order_no AND p.parent_id = n.id "
    "WHERE n.role = 'designer' AND n.order_book <> 'none'",
    checks=(
        Check(
            name="publisher_missing",
            broken="n.dispatched_at IS NOT NULL AND p.id IS NULL",
            found="CONCAT('dispatched ', n.dispatched_at, ', no notification of the publisher')",
            expected="a dispatched order has a notification for its publisher",
        ),
        Check(
            name="publisher_early",
            broken="n.dispatched_at IS NULL AND p.id IS NOT NULL",
            found="'the publisher has a notification, the order was never dispatched'",
            expected="no word to the publisher before the dispatch",
        ),
    ),
)

STRAY_PUBLISHERS = Group(
    source="FROM notifier_notification n LEFT JOIN notifier_notification p ON p.id = n.parent_id "
    "WHERE n.role = 'publisher'",
    checks=(
        Check(
            name="publisher_stray",
            broken="p.id IS NULL",
            found="CONCAT('parent ', IFNULL(HEX(n.parent_id), 'not named'), ' does not exist')",
            expected="a publisher's notification belongs to a designer's",
        ),
    ),
)


def orders(book: str, names: OrderTable) -> Group:
    """That an order is what a dispatch made of it, until somebody cancels or rejects it."""
    status = f"o.{quoted(names.status_column)}"
    designer = f"o.{quoted(names.designer_id_column)}"
    key = f"o.{quoted(names.id_column)}"
    undone = f"{status} IN ({int(OrderStatus.CANCELLED)}, {int(OrderStatus.REJECTED)})"
    newest = (
        "NOT EXISTS (SELECT 1 FROM notifier_notification m WHERE m.order_no = n.order_no "
        "AND m.order_id = n.order_id AND m.role = 'designer' "
        "AND m.dispatched_at > n.dispatched_at)"
    )
    return Group(
        source=f"FROM notifier_notification n LEFT JOIN {quoted(names.table)} o "
        f"ON {key} = n.order_id WHERE n.order_book = {literal(book)} AND n.role = 'designer' "
        "AND n.dispatched_at IS NOT NULL",
        checks=(
            Check(
                name="order_claimed",
                broken=f"({key} IS NULL OR {status} < 1 OR NOT {undone} "
                f"AND NOT ({designer} <=> n.designer_id)) "
                f"AND NOT ({GIVEN_UP.format('n')}) AND {newest}",
                found=f"IF({key} IS NULL, CONCAT('no order ', n.order_id), CONCAT('order ', "
                f"n.order_id, ' has status ', {status}, ' and designer ', "
                f"IFNULL({designer}, 'none'), ', dispatched to ', n.designer_id))",
                expected="a dispatched order has status 1 or more and our designer",
            ),
        ),
    )
