"""The choice of a delay mechanism, on which all processes agree."""

from __future__ import annotations

from notifier.domain.delay import Choice
from notifier.store.mysql import Database

LONGEST_WHY = 191


class DelayChoices:
    """Every method raises StoreUnavailable, and StoreError where our tables are missing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Choice | None:
        """None before the first `topology apply`."""
        found = await self._read()
        return found[0] if found else None

    async def choose(self, mechanism: str, *, why: str) -> Choice:
        """Record the first choice; whoever comes later gets that one."""
        await self._database.run(
            "INSERT INTO notifier_delay VALUES (1, %s, %s, NOW(6)) "
            "ON DUPLICATE KEY UPDATE one = one",
            [mechanism, why[:LONGEST_WHY]],
        )
        return (await self._read())[0]

    async def change(self, mechanism: str, *, why: str) -> Choice:
        await self._database.run(
            "REPLACE INTO notifier_delay VALUES (1, %s, %s, NOW(6))",
            [mechanism, why[:LONGEST_WHY]],
        )
        return (await self._read())[0]

    async def _read(self) -> list[Choice]:
        rows = await self._database.fetch("SELECT mechanism, why, since FROM notifier_delay")
        return [Choice(mechanism=row[0], why=row[1], since=row[2]) for row in rows]
