"""Has everything about an order, or a notification and what it caused, come to its end?"""

from __future__ import annotations

from uuid import UUID

from notifier.store.mysql import Database


async def states_of(database: Database, which: str) -> list[tuple[str, str]]:
    """(role, state) of each, oldest first. which: an order's number or a notification's id."""
    try:
        id_ = UUID(which).bytes
    except ValueError:
        condition, arguments = "order_no = %s", [which]
    else:
        condition, arguments = "id = %s OR parent_id = %s", [id_, id_]  # type: ignore[list-item]
    rows = await database.fetch(
        f"SELECT role, state FROM notifier_notification WHERE {condition} ORDER BY id", arguments
    )
    return [(role, state) for role, state in rows]
