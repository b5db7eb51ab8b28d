"""What state the database server and notifier's tables are in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from notifier.store.mysql import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """revision: of notifier's tables. now: the server's clock, UTC."""

    version: str
    revision: str
    now: datetime


async def condition_of(database: Database) -> Condition:
    """Raises StoreUnavailable, and StoreError where our tables are missing."""
    version, now = (await database.fetch("SELECT VERSION(), NOW(6)"))[0]
    rows = await database.fetch("SELECT version_num FROM notifier_version")
    return Condition(version=version, revision=rows[0][0] if rows else "", now=now)
