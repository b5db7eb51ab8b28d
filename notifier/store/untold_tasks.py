"""Tasks that were given up, and whose owners have not been told yet.

They are marked by `next_sweep_at`, in the transaction that gives them up; nothing else that has
ended has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from notifier.domain.notification import GIVEN_UP, ChannelName, Notification, Role
from notifier.domain.task import failure_of, key_of_result
from notifier.store.accept import Acceptance, Acceptor
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import marks

_STATES = tuple(sorted(state.value for state in GIVEN_UP))
_UNTOLD = "FROM notifier_notification WHERE state = %s AND next_sweep_at <= NOW(6)"


class UntoldTasks:
    """Any number of fleets may do this at once: SKIP LOCKED keeps them apart.

    Every method raises StoreUnavailable, StoreError.
    """

    def __init__(self, database: Database, acceptor: Acceptor) -> None:
        self._database = database
        self._acceptor = acceptor

    async def are_there(self) -> bool:
        """A look into an index for each state."""
        looks = " OR ".join([f"EXISTS (SELECT 1 {_UNTOLD})"] * len(_STATES))
        return bool((await self._database.fetch(f"SELECT {looks}", _STATES))[0][0])

    async def tell(self, most: int) -> Acceptance:
        """Accept the pushes to the owners of some and unmark these, in one transaction."""
        inserted = None
        async with self._database.transaction() as cursor:
            rows = [
                row
                for state in _STATES
                for row in await cursor.fetch(
                    f"SELECT id, recipient, template {_UNTOLD} "
                    "ORDER BY next_sweep_at LIMIT %s FOR UPDATE SKIP LOCKED",
                    [state, most],
                )
            ]
            # Who was forgotten is told nothing.
            tasks = await _unfinished(cursor, [_task(row) for row in rows if row[1]])
            if tasks:
                inserted = await self._acceptor.insert(cursor, [failure_of(one) for one in tasks])
            if rows:
                cursor.later(
                    "UPDATE notifier_notification SET next_sweep_at = NULL "
                    f"WHERE id IN ({marks(len(rows))})",
                    [row[0] for row in rows],
                )
        return inserted.acceptance() if inserted else Acceptance(accepted=[], publish=[])


async def _unfinished(cursor: Cursor, tasks: Sequence[Notification]) -> list[Notification]:
    """A process may have died, or a repetition failed, after the result was handed on."""
    if not tasks:
        return []
    keys = [key_of_result(task) for task in tasks]
    rows = await cursor.fetch(
        f"SELECT dedupe_key FROM notifier_notification WHERE dedupe_key IN ({marks(len(keys))})",
        keys,
    )
    finished = {row[0] for row in rows}
    return [task for task, key in zip(tasks, keys, strict=True) if key not in finished]


def _task(row: Sequence[Any]) -> Notification:
    return Notification(
        id=UUID(bytes=row[0]),
        role=Role.RECIPIENT,
        channel=ChannelName.TASK,
        recipient=row[1],
        template=row[2],
    )
