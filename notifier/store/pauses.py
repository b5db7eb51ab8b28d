"""Channels at rest, kept in MySQL so that every host knows and a restart forgets nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

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
            "reason = VALUES(reason), who = VALUES(who), "
            "until_at = IF(until_at IS NULL OR VALUES(until_at) IS NULL, NULL, "
            "GREATEST(until_at, VALUES(until_at)))",
            [scope, until, reason, who],
        )

    async def resume(self, scope: str) -> bool:
        """Whether it was paused."""
        deleted = await self._database.run("DELETE FROM notifier_pause WHERE scope = %s", [scope])
        return bool(deleted)
