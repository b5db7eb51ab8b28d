"""What an attempt makes of its notification's row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from notifier.domain.settle import Next
from notifier.store.mysql import Cursor
from notifier.store.sql import VALUES_FIRST, Rendered, listed, rows_table

LONGEST_REASON = 191
UPDATED = (
    "id",
    "state",
    "reason",
    "seq",
    "step",
    "attempt",
    "tier",
    "due_at",
    "next_sweep_at",
    "unknown_since",
    "crashes",
    "settled_at",
)
# By their ids, in a small table too: who reads others' rows waits for their locks.
_ROWS = "notifier_notification n FORCE INDEX (PRIMARY)"
_FREE = (
    "n.sweeps = 0, n.postponements = 0, "
    "n.lease_token = NULL, n.lease_until = NULL, n.lease_owner = NULL"
)
_NEXT = (
    f"{VALUES_FIRST} {_ROWS} ON n.id = v.id SET n.state = v.state, "
    "n.reason = v.reason, n.seq = v.seq, n.step = v.step, n.attempt = v.attempt, "
    "n.tier = IF(v.tier = 0, n.tier, v.tier), n.due_at = v.due_at, "
    "n.next_sweep_at = v.next_sweep_at, n.unknown_since = v.unknown_since, "
    f"n.crashes = v.crashes, n.settled_at = v.settled_at, {_FREE}"
)


def update_values(id_: bytes, after: Next, due_at: datetime, now: datetime) -> tuple[Any, ...]:
    """In the order of UPDATED. A terminal row keeps its last due_at, for people to see."""
    return (
        id_,
        after.state.value,
        after.reason[:LONGEST_REASON],
        after.seq,
        after.step,
        after.attempt,
        after.tier or 0,
        after.due_at or due_at,
        after.next_sweep_at,
        after.unknown_since,
        after.crashes,
        None if after.due_at else now,
    )


def write_next(cursor: Cursor, updates: Sequence[tuple[Any, ...]]) -> None:
    """The rows' new values, each in the order of UPDATED; the caller holds their locks."""
    if updates:
        cursor.later(f"UPDATE (%s) v {_NEXT}", [rows_table(UPDATED, updates)])


def lock_in_order(cursor: Cursor, ids: Iterable[bytes]) -> None:
    """Before more than one statement that locks some of them: others lock in this order, too."""
    cursor.later(f"SELECT COUNT(*) FROM {_ROWS} WHERE n.id IN (%s) FOR UPDATE", [listed(ids)])


def write_next_of_ours(cursor: Cursor, updates: Sequence[tuple[Any, ...]]) -> None:
    """The same for rows that are in flight with our lease, and that nobody wished to cancel.

    updates: each followed by the lease's token. They are locked in the order of their ids.
    """
    if updates:
        cursor.later(
            f"UPDATE (%s) v {_NEXT} WHERE n.state = 'in_flight' AND n.lease_token = v.lease_token "
            "AND n.cancel_requested = ''",
            [rows_table((*UPDATED, "lease_token"), sorted(updates, key=itemgetter(0)))],
        )


def write_sent_of_ours(
    cursor: Cursor, leases: Mapping[bytes, Sequence[bytes]], at: datetime
) -> None:
    """All who were told, in one statement without a value of their own.

    leases: tokens, each with the ids of its rows. at: when the last of these attempts ended.
    """
    if leases:
        ids = listed(sorted(id_ for some in leases.values() for id_ in some))
        cursor.later(
            f"UPDATE {_ROWS} SET n.state = 'sent', n.reason = '', n.crashes = 0, "
            f"n.next_sweep_at = NULL, n.settled_at = %s, {_FREE} "
            "WHERE n.id IN (%s) AND n.state = 'in_flight' AND (%s)",
            [at, ids, _held(leases)],
        )


def _held(leases: Mapping[bytes, Sequence[bytes]]) -> Rendered:
    if len(leases) == 1:
        return Rendered(f"n.lease_token = {listed(leases)}")
    each = (
        f"n.lease_token = {listed([token])} AND n.id IN ({listed(ids)})"
        for token, ids in leases.items()
    )
    return Rendered(" OR ".join(each))
