"""What rests, kept in MySQL so that every host knows and a restart forgets nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from notifier.domain.notification import State
from notifier.domain.pause import CHANNEL, TIER, Pause, title_of
from notifier.domain.settle import OPEN_REST
from notifier.errors import InvalidInput, NotFound
from notifier.store.mysql import Cursor, Database
from notifier.store.sql import marks

LIVE = "(until_at IS NULL OR until_at > NOW(6))"
KEPT = "scope, since, until_at, reason, who"


class MysqlPauses:
    """Every method raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Mapping[str, datetime | None]:
        rows = await self._database.fetch(
            f"SELECT scope, until_at FROM notifier_pause WHERE {LIVE}"
        )
        return {row[0]: row[1] for row in rows}

    async def all(self) -> list[Pause]:
        """By scope."""
        rows = await self._database.fetch(
            f"SELECT {KEPT} FROM notifier_pause WHERE {LIVE} ORDER BY scope"
        )
        return [Pause(scope=r[0], since=r[1], until=r[2], reason=r[3], who=r[4]) for r in rows]

    async def pause(self, scope: str, *, until: datetime | None, reason: str, who: str) -> None:
        """A later end wins over an earlier one; no end over any. Who gave the end is on record."""
        await self._database.run(*_pausing(scope, until, reason, who))

    async def order(
        self,
        scope: str,
        *,
        until: datetime | None,
        lasting: timedelta | None,
        reason: str,
        who: str,
    ) -> Pause:
        """The same by a person; the pause that stands then, which may be an earlier, longer one.

        lasting: instead of `until`, from now on. Raises InvalidInput for an end that is over.
        """
        async with self._database.transaction() as cursor:
            ((now,),) = await cursor.fetch("SELECT NOW(6)")
            end = until if lasting is None else now + lasting
            if end is not None and end <= now:
                raise InvalidInput("until", f"{end:%F %T} UTC is over already")
            before = await _lock(cursor, scope)
            if before is not None and _is_later(end, before.until):
                await _write_ended(cursor, scope, reason=reason, who=who)
            await cursor.run(*_pausing(scope, end, reason, who))
            standing = await _lock(cursor, scope)
        if standing is None:
            raise InvalidInput("until", "was over before it was written down")
        return standing

    async def resume(self, scope: str, *, reason: str, who: str) -> int:
        """Lift a rest; how many notifications had been put off to its end, due in two seconds.

        What waits in a tier's queue was not put off. Raises NotFound where nothing rests, and
        names what does.
        """
        async with self._database.transaction() as cursor:
            rest = await _lock(cursor, scope)
            if rest is None:
                resting = await cursor.fetch(f"SELECT scope FROM notifier_pause WHERE {LIVE}")
                names = ", ".join(sorted(title_of(row[0]) for row in resting))
                raise NotFound(f"{title_of(scope)} is not paused; paused: {names or 'nothing'}")
            await _write_ended(cursor, scope, reason=reason, who=who)
            count = 0 if scope.startswith(TIER) else await _hasten(cursor, rest)
            await cursor.run("DELETE FROM notifier_pause WHERE scope = %s", [scope])
        return count


async def resting_tiers(cursor: Cursor) -> set[int]:
    """The tiers whose queues nobody takes from."""
    rows = await cursor.fetch(
        f"SELECT scope FROM notifier_pause WHERE scope LIKE '{TIER}%' AND {LIVE}"
    )
    return {int(row[0].removeprefix(TIER)) for row in rows}


def _pausing(
    scope: str, until: datetime | None, reason: str, who: str
) -> tuple[str, list[datetime | str | None]]:
    # MySQL assigns from left to right, so that `until_at` is the old one until its own turn.
    wins = "until_at IS NOT NULL AND (%s IS NULL OR %s > until_at)"
    return (
        f"INSERT INTO notifier_pause ({KEPT}) VALUES (%s, NOW(6), %s, %s, %s) "
        "ON DUPLICATE KEY UPDATE since = IF(until_at <= NOW(6), NOW(6), since), "
        f"reason = IF({wins}, %s, reason), who = IF({wins}, %s, who), "
        f"until_at = IF({wins}, %s, until_at)",
        [scope, until, reason, who, until, until, reason, until, until, who, until, until, until],
    )


async def _lock(cursor: Cursor, scope: str) -> Pause | None:
    rows = await cursor.fetch(
        f"SELECT {KEPT} FROM notifier_pause WHERE scope = %s AND {LIVE} FOR UPDATE", [scope]
    )
    return next(
        (Pause(scope=r[0], since=r[1], until=r[2], reason=r[3], who=r[4]) for r in rows), None
    )


def _is_later(end: datetime | None, before: datetime | None) -> bool:
    return before is not None and (end is None or end > before)


async def _write_ended(cursor: Cursor, scope: str, *, reason: str, who: str) -> None:
    await cursor.run(
        f"INSERT INTO notifier_pause_ended ({KEPT}, ended_at, ended_why, ended_by) "
        f"SELECT {KEPT}, NOW(6), %s, %s FROM notifier_pause WHERE scope = %s",
        [reason, who, scope],
    )


async def _hasten(cursor: Cursor, rest: Pause) -> int:
    """What was put off to the rest's end, or to an end that it had before it was prolonged.

    Of an open one, what was put off since its last claim.
    """
    rows = await cursor.fetch(
        "SELECT DISTINCT until_at FROM notifier_pause_ended WHERE scope = %s AND since = %s",
        [rest.scope, rest.since],
    )
    ends = [row[0] for row in rows if row[0] is not None]
    put_off: list[str] = []
    whose, name = "recipient", rest.scope
    if rest.scope.startswith(CHANNEL):
        whose, name = "channel", rest.scope.removeprefix(CHANNEL)
    values: list[Any] = [State.SCHEDULED.value, name]
    if ends:
        put_off.append(f"(next_sweep_at <= %s AND due_at IN ({marks(len(ends))}))")
        values += [max(ends), *ends]
    if len(ends) < len(rows):
        put_off.append("due_at = claimed_at + INTERVAL %s SECOND")
        values.append(_OPEN_REST_S)
    # What waits in the calendar has no message anywhere, so that its seq may stay.
    return await cursor.run(
        f"UPDATE notifier_notification SET due_at = {_WHEN_ALL_KNOW}, next_sweep_at = NOW(6) "
        f"WHERE state = %s AND {whose} = %s AND claimed_at IS NOT NULL "
        f"AND ({' OR '.join(put_off)})",
        values,
    )


# A process that has not heard of the end yet, which takes it a second, would put them off again.
_WHEN_ALL_KNOW = "NOW(6) + INTERVAL 2 SECOND"
_OPEN_REST_S = int(OPEN_REST.total_seconds())
