"""Who may look at the dashboard, their sessions and links, and what they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.operator import Operator, OperatorRole, OperatorStanding
from notifier.errors import InvalidInput, NotFound
from notifier.store.mysql import Cursor, Database

SECOND = timedelta(seconds=1)


class Operators:
    """Every method raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, operator: Operator, password: str | None) -> None:
        """password: hashed. Raises InvalidInput where the name is taken."""
        added = await self._database.run(
            "INSERT INTO notifier_operator (name, role, password, created_at, changed_at) "
            "VALUES (%s, %s, %s, NOW(6), NOW(6)) ON DUPLICATE KEY UPDATE name = name",
            [operator.name, operator.role.value, password],
        )
        if not added:
            raise InvalidInput("name", f"there is an operator {operator.name!r} already")

    async def set_password(self, name: str, password: str) -> None:
        """And end all his sessions. Raises NotFound."""
        async with self._database.transaction() as cursor:
            changed = await cursor.run(
                "UPDATE notifier_operator SET password = %s, changed_at = NOW(6) WHERE name = %s",
                [password, name],
            )
            if not changed:
                raise NotFound(no_operator(name))
            await _let_go(cursor, name)

    async def remove(self, name: str) -> None:
        """With all his sessions. Raises NotFound."""
        async with self._database.transaction() as cursor:
            if not await cursor.run("DELETE FROM notifier_operator WHERE name = %s", [name]):
                raise NotFound(no_operator(name))
            await _let_go(cursor, name)

    async def all(self) -> list[OperatorStanding]:
        """By name."""
        rows = await self._database.fetch(
            "SELECT name, role, password IS NOT NULL, created_at FROM notifier_operator "
            "ORDER BY name"
        )
        return [
            OperatorStanding(
                operator=Operator(name=row[0], role=OperatorRole(row[1])),
                has_password=bool(row[2]),
                created_at=row[3],
            )
            for row in rows
        ]

    async def password_of(self, name: str) -> str | None:
        """Hashed; None where there is none, or no such operator."""
        rows = await self._database.fetch(
            "SELECT password FROM notifier_operator WHERE name = %s", [name]
        )
        return rows[0][0] if rows else None

    async def admit(self, digest: bytes, name: str, *, kind: str, lasting: timedelta) -> None:
        """kind: `session` or `link`. Raises NotFound. What is over goes."""
        async with self._database.transaction() as cursor:
            if not await cursor.fetch("SELECT 1 FROM notifier_operator WHERE name = %s", [name]):
                raise NotFound(no_operator(name))
            cursor.later("DELETE FROM notifier_operator_pass WHERE until_at < NOW(6)")
            cursor.later(
                "INSERT INTO notifier_operator_pass (digest, kind, name, created_at, until_at) "
                "VALUES (%s, %s, %s, NOW(6), NOW(6) + INTERVAL %s SECOND)",
                [digest, kind, name, lasting // SECOND],
            )

    async def admitted(self, digest: bytes) -> Operator | None:
        """Whose session it is, while it lasts."""
        rows = await self._database.fetch(
            "SELECT o.name, o.role FROM notifier_operator_pass p "
            "JOIN notifier_operator o ON o.name = p.name "
            "WHERE p.digest = %s AND p.kind = 'session' AND p.until_at > NOW(6)",
            [digest],
        )
        return Operator(name=rows[0][0], role=OperatorRole(rows[0][1])) if rows else None

    async def use_link(self, digest: bytes) -> str | None:
        """Whose link it was; it works once."""
        async with self._database.transaction() as cursor:
            rows = await cursor.fetch(
                "SELECT name FROM notifier_operator_pass "
                "WHERE digest = %s AND kind = 'link' AND until_at > NOW(6) FOR UPDATE",
                [digest],
            )
            if rows:
                cursor.later("DELETE FROM notifier_operator_pass WHERE digest = %s", [digest])
        return rows[0][0] if rows else None

    async def dismiss(self, digest: bytes) -> None:
        await self._database.run("DELETE FROM notifier_operator_pass WHERE digest = %s", [digest])


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """asked: notifications it was meant for. done: for which it was done; None: nobody knows."""

    done_at: datetime
    who: str
    deed: str
    target: str
    why: str
    asked: int
    done: int | None


class Deeds:
    """What people did at the dashboard. Every method raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, *, who: str, deed: str, target: str, why: str, asked: int) -> int:
        """Written before it is done; the number to end it with."""
        async with self._database.transaction() as cursor:
            await cursor.run(
                "INSERT INTO notifier_deed (done_at, who, deed, target, why, asked) "
                "VALUES (NOW(6), %s, %s, %s, %s, %s)",
                [who, deed, target, why, asked],
            )
            return int((await cursor.fetch("SELECT LAST_INSERT_ID()"))[0][0])

    async def end(self, number: int, *, done: int) -> None:
        await self._database.run("UPDATE notifier_deed SET done = %s WHERE id = %s", [done, number])

    async def newest(self, most: int) -> Sequence[Deed]:
        rows = await self._database.fetch(
            "SELECT done_at, who, deed, target, why, asked, done FROM notifier_deed "
            "ORDER BY id DESC LIMIT %s",
            [most],
        )
        return [
            Deed(done_at=r[0], who=r[1], deed=r[2], target=r[3], why=r[4], asked=r[5], done=r[6])
            for r in rows
        ]


def no_operator(name: str) -> str:
    return f"there is no operator {name[:64]!r}; `notifier operator list` shows those there are"


async def _let_go(cursor: Cursor, name: str) -> None:
    await cursor.run("DELETE FROM notifier_operator_pass WHERE name = %s", [name])
