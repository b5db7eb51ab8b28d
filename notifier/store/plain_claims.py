"""The claim of what concerns no order: one question to the database, its commit included."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic

from notifier.domain.lease import Claimed, Lease
from notifier.domain.message import Message
from notifier.store.locked_row import COLUMNS, LockedRow
from notifier.store.mysql import Database
from notifier.store.sql import Rendered, listed

# The statement's own moment, at which the row was found to be due.
_COLUMNS = COLUMNS.replace("NOW(6)", "claimed_at")
# One statement, so it is one transaction; the rows are locked in the order of their ids.
_TAKE = (
    "UPDATE notifier_notification FORCE INDEX (PRIMARY) SET state = 'in_flight', "
    "lease_token = %s, lease_owner = %s, claimed_at = NOW(6), "
    "lease_until = NOW(6) + INTERVAL %s MICROSECOND, "
    "next_sweep_at = NOW(6) + INTERVAL %s MICROSECOND "
    "WHERE id IN (%s) AND (%s) AND state = 'waiting' AND role <> 'designer' "
    "AND due_at <= NOW(6) AND (deadline_at IS NULL OR deadline_at >= NOW(6))"
)
_READ = f"SELECT {_COLUMNS} FROM notifier_notification WHERE id IN (%s) AND lease_token = %s"
_MICROSECOND = timedelta(microseconds=1)


async def claim_plain(
    database: Database, lease: Lease, messages: Sequence[Message]
) -> list[Claimed | None]:
    """In the order given; None for a row that is not simply waiting for this message and due.

    What is wrong with those is for a look under their locks to say: nothing was changed in them.
    Raises StoreUnavailable (nothing claimed, or the leases run out) or StoreError.
    """
    token, asked_s = secrets.token_bytes(16), monotonic()
    ids = listed(sorted({message.notification_id.bytes for message in messages}))
    duration_us = lease.duration // _MICROSECOND
    found = await database.fetch(
        f"{_TAKE}; {_READ}",
        [token, lease.owner, duration_us, duration_us, ids, _awaited(messages), ids, token],
    )
    claimed = {}
    for row in (LockedRow(*columns) for columns in found):
        claimed[row.id] = row.claimed(token, row.now + lease.duration, asked_s=asked_s)
    # Of two messages for one row the first one has it.
    return [claimed.pop(message.notification_id.bytes, None) for message in messages]


def _awaited(messages: Sequence[Message]) -> Rendered:
    """Only the schedule that the message speaks of is claimed."""
    ids_of: dict[int, list[bytes]] = {}
    for message in messages:
        ids_of.setdefault(message.seq, []).append(message.notification_id.bytes)
    if len(ids_of) == 1:
        return Rendered(f"seq = {next(iter(ids_of))}")
    return Rendered(
        " OR ".join(f"seq = {seq} AND id IN ({listed(ids)})" for seq, ids in ids_of.items())
    )
