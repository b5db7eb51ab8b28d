"""What the database says of a run, read when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from notifier.domain.notification import State
from notifier.loadtest.lateness import AttemptRow
from notifier.loadtest.load import Load
from notifier.loadtest.plan import Plan
from notifier.store.mysql import Database

ORDERS_AT_ONCE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRows:
    """wall_s: from the first accepted to the last settled; None where nothing was.

    accepted: how many, by epoch seconds in tenths.
    """

    states: Mapping[State, int]
    wall_s: float | None
    attempts: list[AttemptRow]
    accepted: Mapping[float, int]


async def read_states(database: Database, plan: Plan) -> dict[State, int]:
    rows = await database.fetch(
        "SELECT state, COUNT(*) FROM notifier_notification WHERE order_no LIKE %s GROUP BY state",
        [f"{plan.order_prefix}%"],
    )
    return {State(state): count for state, count in rows}


async def read_run(database: Database, load: Load) -> RunRows:
    plan = load.plan
    states = await read_states(database, plan)
    span = await database.fetch(
        "SELECT TIMESTAMPDIFF(MICROSECOND, MIN(accepted_at), MAX(settled_at)) "
        "FROM notifier_notification WHERE order_no LIKE %s",
        [f"{plan.order_prefix}%"],
    )
    attempts: list[AttemptRow] = []
    for first in range(0, plan.count, ORDERS_AT_ONCE):
        attempts += await _read_attempts(database, load, first)
    wall_us = span[0][0]
    wall_s = None if wall_us is None else wall_us / 1e6
    return RunRows(
        states=states,
        wall_s=wall_s,
        attempts=attempts,
        accepted=await _read_accepted(database, plan),
    )


async def _read_accepted(database: Database, plan: Plan) -> dict[float, int]:
    rows = await database.fetch(
        "SELECT FLOOR(UNIX_TIMESTAMP(accepted_at) * 10) AS tenth, COUNT(*) "
        "FROM notifier_notification WHERE order_no LIKE %s GROUP BY tenth",
        [f"{plan.order_prefix}%"],
    )
    return {int(tenth) / 10: count for tenth, count in rows}


async def _read_attempts(database: Database, load: Load, first: int) -> list[AttemptRow]:
    plan = load.plan
    last = min(first + ORDERS_AT_ONCE, plan.count) - 1
    rows = await database.fetch(
        "SELECT n.recipient, n.order_no, a.tier, a.due_at, a.lateness_us, a.outcome "
        "FROM notifier_notification n JOIN notifier_attempt a ON a.notification_id = n.id "
        "WHERE n.order_no BETWEEN %s AND %s",
        [plan.order_no(first), plan.order_no(last)],
    )
    return [
        AttemptRow(
            whom=load.told_by(recipient, order_no),
            tier=tier,
            due_at=due_at,
            lateness_ms=lateness_us / 1000,
            outcome=outcome,
        )
        for recipient, order_no, tier, due_at, lateness_us, outcome in rows
    ]
