"""Find notifications by what they are and when they are due."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from notifier.domain.listing import Place, Wanted
from notifier.domain.timeline import Standing
from notifier.store.mysql import Database
from notifier.store.sql import marks
from notifier.store.timelines import SOURCE, STANDING, standing_of


class Listing:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, wanted: Wanted, *, most: int) -> list[Standing]:
        """The newest first; where a moment is asked for, those due first.

        Raises StoreUnavailable, StoreError.
        """
        condition, arguments = _condition(wanted)
        order = "n.due_at, n.id" if wanted.asks_for_a_moment else "n.id DESC"
        rows = await self._database.fetch(
            f"SELECT {STANDING} {SOURCE} WHERE {condition} ORDER BY {order} LIMIT %s",
            [*arguments, most],
        )
        return [standing_of(row) for row in rows]

    async def count(self, wanted: Wanted) -> int:
        condition, arguments = _condition(wanted)
        rows = await self._database.fetch(
            f"SELECT COUNT(*) FROM notifier_notification n WHERE {condition}", arguments
        )
        return int(rows[0][0])

    async def ids(self, wanted: Wanted, *, most: int | None = None) -> list[UUID]:
        """Oldest first; most: None: all of them."""
        condition, arguments = _condition(wanted)
        limit = "" if most is None else f" LIMIT {int(most)}"
        rows = await self._database.fetch(
            f"SELECT n.id FROM notifier_notification n WHERE {condition} ORDER BY n.id{limit}",
            arguments,
        )
        return [UUID(bytes=row[0]) for row in rows]


def _condition(wanted: Wanted) -> tuple[str, list[Any]]:
    conditions, arguments = ["TRUE"], list[Any]()
    if wanted.states:
        conditions.append(f"n.state IN ({marks(len(wanted.states))})")
        arguments += [state.value for state in wanted.states]
    if wanted.order_no is not None:
        conditions.append("n.order_no = %s")
        arguments.append(wanted.order_no)
    if wanted.channel is not None:
        conditions.append("n.channel = %s")
        arguments.append(wanted.channel.value)
    if wanted.recipient is not None:
        conditions.append("n.recipient = %s")
        arguments.append(wanted.recipient)
    if wanted.reason is not None:
        conditions.append("(n.reason = %s OR SUBSTRING_INDEX(n.reason, ':', 1) = %s)")
        arguments += [wanted.reason, wanted.reason]
    if wanted.due_since is not None:
        conditions.append("n.due_at >= %s")
        arguments.append(wanted.due_since)
    if wanted.due_before is not None:
        conditions.append("n.due_at < %s")
        arguments.append(wanted.due_before)
    if wanted.after is not None:
        condition, place = _after(wanted.after)
        conditions.append(condition)
        arguments += place
    return " AND ".join(conditions), arguments


def _after(place: Place) -> tuple[str, list[Any]]:
    if place.due_at is None:
        return "n.id < %s", [place.id.bytes]
    return "(n.due_at, n.id) > (%s, %s)", [place.due_at, place.id.bytes]
