"""Channels at rest, kept in MySQL so that every host knows and a restart forgets nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from notifier.domain.settle import OPEN_REST
from notifier.errors import NotFound
from notifier.store.mysql import Cursor, Database


class MysqlPauses:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Mapping[str, datetime | None]:
        rows = await self._database.fetch(
            "SELECT scope, until_at FROM notifier_pause WHERE until_at IS NULL OR until_at > NOW(6)"
        )
        return {row[0]: row[1] for row in rows}

    async def pause(self, scope: str, *, until: datetime | None, reason: str, who: str) -> None:
        """A later end wins over an earlier one; a person's open end over any."""
        await self._database.run(
            "INSERT INTO notifier_pause (scope, since, until_at, reason, who) "
            "VALUES (%s, NOW(6), %s, %s, %s) ON DUPLICATE KEY UPDATE "
            "reason = %s, who = %s, until_at = IF(until_at IS NULL OR %s IS NULL, NULL, "
            "IF(until_at > %s, until_at, %s))",
            [scope, until, reason, who, reason, who, until, until, until],
        )

    async def resume(self, scope: str) -> int:
        """Lift a rest; how many notifications had been put off to its end, due in two seconds.

        scope: `channel:NAME` or `endpoint:NAME`. Raises NotFound where it does not rest, and names
        those that do.
        """
        kind, _, name = scope.partition(":")
        async with self._database.transaction() as cursor:
            rows = await cursor.fetch("SELECT scope, until_at FROM notifier_pause FOR UPDATE")
            resting: dict[str, datetime | None] = {row[0]: row[1] for row in rows}
            if scope not in resting:
                names = ", ".join(
                    sorted(
                        each.removeprefix(f"{kind}:") for each in resting if each.startswith(kind)
                    )
                )
                raise NotFound(f"{kind} {name!r} is not paused; paused: {names or 'none'}")
            cursor.later("DELETE FROM notifier_pause WHERE scope = %s", [scope])
            return await _hasten(cursor, scope, resting[scope])


async def _hasten(cursor: Cursor, scope: str, end: datetime | None) -> int:
    """What was put off to the rest's end; of an open one, what was put off since its last claim."""
    kind, _, name = scope.partition(":")
    whose, who = ("channel", name) if kind == "channel" else ("recipient", scope)
    put_off = "next_sweep_at <= %s AND due_at = %s"
    arguments: list[Any] = [end, end]
    if end is None:
        put_off, arguments = "due_at = claimed_at + INTERVAL %s SECOND", [_OPEN_REST_S]
    # What waits in the calendar has no message anywhere, so that its seq may stay.
    return await cursor.run(
        f"UPDATE notifier_notification SET due_at = {_WHEN_ALL_KNOW}, next_sweep_at = NOW(6) "
        f"WHERE state = 'scheduled' AND {put_off} AND {whose} = %s",
        [*arguments, who],
    )


# A process that has not heard of the end yet, which takes it a second, would put them off again.
_WHEN_ALL_KNOW = "NOW(6) + INTERVAL 2 SECOND"
_OPEN_REST_S = int(OPEN_REST.total_seconds())
