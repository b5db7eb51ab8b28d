"""Channels at rest, kept in MySQL so that every host knows and a restart forgets nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from notifier.errors import NotFound
from notifier.store.mysql import Database


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

    async def resume(self, channel: str) -> int:
        """Lift a channel's rest; how many notifications had been put off to its end, due now.

        Raises NotFound where it does not rest, and names those that do.
        """
        scope = f"channel:{channel}"
        async with self._database.transaction() as cursor:
            rows = await cursor.fetch("SELECT scope, until_at FROM notifier_pause FOR UPDATE")
            resting: dict[str, datetime | None] = {row[0]: row[1] for row in rows}
            if scope not in resting:
                names = ", ".join(sorted(each.removeprefix("channel:") for each in resting))
                raise NotFound(f"channel {channel!r} is not paused; paused: {names or 'none'}")
            cursor.later("DELETE FROM notifier_pause WHERE scope = %s", [scope])
            # What waits in the calendar has no message anywhere, so that its seq may stay.
            return await cursor.run(
                "UPDATE notifier_notification SET due_at = NOW(6), next_sweep_at = NOW(6) "
                "WHERE state = 'scheduled' AND next_sweep_at <= %s AND due_at = %s "
                "AND channel = %s",
                [resting[scope], resting[scope], channel],
            )
