"""Read the histories of notifications, of one order or by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from notifier.domain.notification import ChannelName, Role, State
from notifier.domain.receipt import Receipt
from notifier.domain.timeline import Made, Standing, Timeline
from notifier.store.answers import answer_of
from notifier.store.mysql import Database
from notifier.store.rescheduling import rescheduled_of
from notifier.store.sql import marks

STANDING = (
    "n.id, n.role, n.channel, n.recipient, n.order_no, n.order_id, n.designer_id, "
    "n.designer_name, n.ladder, n.state, n.reason, n.seq, n.step, n.attempt, n.tier, n.due_at, "
    "n.next_sweep_at, n.sweeps, n.lease_until, n.lease_owner, n.claimed_at, n.unknown_since, "
    "n.cancel_requested, n.dispatched_at, n.accepted_at, n.settled_at, n.deadline_at, "
    "COALESCE(e.scope, p.scope, t.scope, ''), COALESCE(e.reason, p.reason, t.reason, ''), "
    "CASE WHEN e.scope IS NOT NULL THEN e.until_at WHEN p.scope IS NOT NULL THEN p.until_at "
    "ELSE t.until_at END, NOW(6)"
)
FIELDS = tuple(Standing.__dataclass_fields__)
MADE = (
    "a.notification_id, a.attempt, a.step, a.tier, a.due_at, a.started_at, a.duration_us, "
    "a.lateness_us, a.outcome, a.code, a.detail, a.external_id, a.worker, "
    "w.msg_id, w.status, w.received_at, r.status, r.latency_us, r.body"
)
SOURCE = (
    "FROM notifier_notification n LEFT JOIN notifier_pause p "
    "ON p.scope = CONCAT('channel:', n.channel) AND (p.until_at IS NULL OR p.until_at > NOW(6)) "
    "LEFT JOIN notifier_pause e "
    "ON e.scope = n.recipient AND (e.until_at IS NULL OR e.until_at > NOW(6)) "
    "LEFT JOIN notifier_pause t "
    "ON t.scope = CONCAT('tier:', n.tier) AND (t.until_at IS NULL OR t.until_at > NOW(6))"
)


class Timelines:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_order(self, order_no: str) -> list[Timeline]:
        """Of all notifications of the order, oldest first; empty where there is none."""
        return await self._read("n.order_no = %s", [order_no])

    async def of_id(self, id_: UUID) -> list[Timeline]:
        """Of one notification and of those it caused; empty where it does not exist."""
        return await self._read("n.id = %s OR n.parent_id = %s", [id_.bytes, id_.bytes])

    async def _read(self, condition: str, arguments: Sequence[Any]) -> list[Timeline]:
        rows = await self._database.fetch(
            f"SELECT {STANDING} {SOURCE} WHERE {condition} ORDER BY n.accepted_at, n.id", arguments
        )
        standings = [standing_of(row) for row in rows]
        attempts = await self._attempts([standing.id for standing in standings])
        rescheduled = await rescheduled_of(self._database, [one.id.bytes for one in standings])
        return [
            Timeline(
                standing=standing,
                attempts=attempts.get(standing.id, []),
                rescheduled=rescheduled.get(standing.id.bytes, ()),
            )
            for standing in standings
        ]

    async def _attempts(self, ids: Sequence[UUID]) -> dict[UUID, list[Made]]:
        made: dict[UUID, list[Made]] = {}
        if ids:
            rows = await self._database.fetch(
                f"SELECT {MADE} FROM notifier_attempt a LEFT JOIN notifier_answer r "
                "ON r.notification_id = a.notification_id AND r.attempt = a.attempt "
                "LEFT JOIN notifier_receipt w ON w.msg_id = a.external_id "
                f"WHERE a.notification_id IN ({marks(len(ids))}) "
                "ORDER BY a.notification_id, a.attempt",
                [id_.bytes for id_ in ids],
            )
            for row in rows:
                made.setdefault(UUID(bytes=row[0]), []).append(_made(row[1:]))
        return made


def standing_of(row: Sequence[Any]) -> Standing:
    """row: the columns of STANDING."""
    values = dict(zip(FIELDS, row, strict=True))
    return Standing(
        **{
            **values,
            "id": UUID(bytes=values["id"]),
            "role": Role(values["role"]),
            "channel": ChannelName(values["channel"]),
            "state": State(values["state"]),
        }
    )


def _made(row: Sequence[Any]) -> Made:
    return Made(
        number=row[0],
        step=row[1],
        tier=row[2],
        due_at=row[3],
        started_at=row[4],
        duration=timedelta(microseconds=row[5]),
        lateness=timedelta(microseconds=row[6]),
        outcome=row[7],
        code=row[8],
        detail=row[9],
        external_id=row[10],
        worker=row[11],
        receipt=row[12] and Receipt(msg_id=row[12], status=row[13], received_at=row[14]),
        answer=answer_of(*row[15:]),
    )
