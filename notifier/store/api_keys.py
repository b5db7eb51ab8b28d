"""Keys of the API, as rows."""

from __future__ import annotations

from typing import Any

from notifier.domain.api_key import ApiKey, Scope, digest_of, id_of_key
from notifier.errors import InvalidInput, NotFound
from notifier.store.mysql import Database

COLUMNS = "id, name, scopes, digest, made_by, created_at, used_at"


class ApiKeys:
    """Every method raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str, scopes: frozenset[Scope], key: str, *, who: str) -> None:
        """Raises InvalidInput where the name is taken."""
        values = (id_of_key(key), name, ",".join(sorted(scopes)), digest_of(key), who[:96])
        # IGNORE makes of a taken name a count of 0.
        count = await self._database.run(
            "INSERT IGNORE INTO notifier_api_key (id, name, scopes, digest, made_by, created_at) "
            "VALUES (%s, %s, %s, %s, %s, NOW(6))",
            values,
        )
        if not count:
            raise InvalidInput("name", f"{name!r} is taken; `notifier key list` shows all")

    async def all(self) -> list[ApiKey]:
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM notifier_api_key ORDER BY created_at, id"
        )
        return [_key(*row) for row in rows]

    async def remove(self, name: str) -> None:
        """Raises NotFound."""
        if not await self._database.run("DELETE FROM notifier_api_key WHERE name = %s", [name]):
            raise NotFound(f"there is no key {name[:64]!r}; `notifier key list` shows all")

    async def find(self, id_: str) -> ApiKey | None:
        """None where there is none of this id."""
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM notifier_api_key WHERE id = %s", [id_]
        )
        return _key(*rows[0]) if rows else None

    async def note_use(self, id_: str) -> None:
        """To the minute, so that a busy key costs no write per request."""
        await self._database.run(
            "UPDATE notifier_api_key SET used_at = NOW(6) "
            "WHERE id = %s AND (used_at IS NULL OR used_at < NOW(6) - INTERVAL 1 MINUTE)",
            [id_],
        )


def _key(id_: str, name: str, scopes: str, *rest: Any) -> ApiKey:
    digest, made_by, created_at, used_at = rest
    known = {scope.value for scope in Scope}
    return ApiKey(
        id=id_,
        name=name,
        # One of a newer version means nothing here.
        scopes=frozenset(Scope(scope) for scope in scopes.split(",") if scope in known),
        digest=digest,
        made_by=made_by,
        created_at=created_at,
        used_at=used_at,
    )
