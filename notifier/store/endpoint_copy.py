"""A process's copy of the registered endpoints, at most a second old, and how they fare."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import structlog

from notifier.domain.endpoint import PREFIX, Endpoint, EndpointForm
from notifier.errors import StoreUnavailable
from notifier.store.endpoints import FORM, MICROSECOND, form_of
from notifier.store.mysql import Database
from notifier.store.pauses import MysqlPauses
from notifier.store.seal import Seal

log = structlog.get_logger(__name__)

FRESH_S = 1.0
LATE_COMMIT = timedelta(seconds=5)
"""A change may be committed so much later than its `changed_at` says."""
FEWEST_FAILURES = 20
"""Below this many nobody is given up, however long ago the first one was."""
KEEPER = "notifier"
COLUMNS = (
    f"{FORM}, e.failing_since, e.secret, e.old_secret, "
    "TIMESTAMPDIFF(MICROSECOND, NOW(6), e.old_secret_until), e.changed_at"
)


@dataclass(frozen=True, slots=True)
class _Kept:
    """old_until_s: by the monotonic clock. endpoint: with its secrets, once they were needed."""

    form: EndpointForm
    failing_since: datetime | None
    sealed: bytes
    old_sealed: bytes | None
    old_until_s: float
    endpoint: Endpoint | None = None


class EndpointCopy:
    """Implements the webhook channel's EndpointBook.

    give_up_after: so long it may fail without a success in between, then it is paused.
    fresh_s: the copy's greatest age; and how often a failing one's failure is written down.
    """

    def __init__(
        self,
        database: Database,
        seal: Seal,
        *,
        give_up_after: timedelta,
        fresh_s: float = FRESH_S,
    ) -> None:
        self._database = database
        self._seal = seal
        self._pauses = MysqlPauses(database)
        self._give_up_after = give_up_after
        self._kept: dict[str, _Kept] = {}
        self._newest: datetime | None = None
        self._fresh_s = fresh_s
        self._read_s = -fresh_s
        self._reading = asyncio.Lock()
        self._failing: dict[str, float] = {}

    async def find(self, name: str) -> Endpoint | None:
        """Raises StoreUnavailable, and SettingsError where its secret cannot be read."""
        kept = self._kept.get(name)
        try:
            # What is not known may have been added this very second.
            await self._refresh(older_than_s=0 if kept is None else self._fresh_s)
        except StoreUnavailable:
            if kept is None:
                raise
        kept = self._kept.get(name)
        if kept is None:
            return None
        both = kept.old_sealed is not None and monotonic() < kept.old_until_s
        if kept.endpoint is None or len(kept.endpoint.secrets) != 1 + both:
            kept = replace(kept, endpoint=self._opened(kept, both=both))
            self._kept[name] = kept
        return kept.endpoint

    async def note(self, endpoint: Endpoint, *, heard: bool) -> None:
        """Writes only where something changes, and of a failing one at most once a second."""
        name = endpoint.form.name
        if heard:
            if endpoint.failing_since is not None or name in self._failing:
                await self._recovered(name)
        elif monotonic() - self._failing.get(name, -self._fresh_s) >= self._fresh_s:
            self._failing[name] = monotonic()
            await self._failed(endpoint)

    async def disable(self, name: str, *, reason: str) -> None:
        log.warning("endpoint.paused", endpoint=name, reason=reason)
        await self._pauses.pause(PREFIX + name, until=None, reason=reason, who=KEEPER)

    async def _refresh(self, *, older_than_s: float) -> None:
        asked_s = monotonic()
        if asked_s - self._read_s < older_than_s:
            return
        if self._reading.locked() and older_than_s:
            return  # somebody is at it, and the copy will do until then
        async with self._reading:
            if self._read_s < asked_s - older_than_s:
                await self._read()

    async def _read(self) -> None:
        read_s = monotonic()
        count, newest = (
            await self._database.fetch("SELECT COUNT(*), MAX(changed_at) FROM notifier_endpoint")
        )[0]
        if newest != self._newest and newest is not None:
            self._kept |= await self._changed_since((self._newest or newest) - LATE_COMMIT)
        if count != len(self._kept):  # some are gone, or this is the first look
            self._kept = await self._changed_since(_LONG_AGO) if count else {}
        self._newest, self._read_s = newest or _LONG_AGO, read_s

    async def _changed_since(self, moment: datetime) -> dict[str, _Kept]:
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM notifier_endpoint e WHERE e.changed_at >= %s", [moment]
        )
        return {row[0]: _kept(row) for row in rows}

    def _opened(self, kept: _Kept, *, both: bool) -> Endpoint:
        name = kept.form.name
        secrets = [self._seal.open(kept.sealed, name=name)]
        if both and kept.old_sealed is not None:
            secrets.append(self._seal.open(kept.old_sealed, name=name))
        return Endpoint(form=kept.form, secrets=tuple(secrets), failing_since=kept.failing_since)

    async def _recovered(self, name: str) -> None:
        await self._database.run(
            "UPDATE notifier_endpoint SET failing_since = NULL, failures = 0, changed_at = NOW(6) "
            "WHERE name = %s AND failing_since IS NOT NULL",
            [name],
        )
        self._failing.pop(name, None)
        if name in self._kept:
            self._kept[name] = replace(self._kept[name], failing_since=None, endpoint=None)

    async def _failed(self, endpoint: Endpoint) -> None:
        name = endpoint.form.name
        await self._database.run(
            "UPDATE notifier_endpoint SET failures = failures + 1, "
            "changed_at = IF(failing_since IS NULL, NOW(6), changed_at), "
            "failing_since = IFNULL(failing_since, NOW(6)) WHERE name = %s",
            [name],
        )
        if endpoint.failing_since is not None:
            await self._give_up(name)

    async def _give_up(self, name: str) -> None:
        rows = await self._database.fetch(
            "SELECT failing_since FROM notifier_endpoint WHERE name = %s AND failures >= %s "
            "AND failing_since <= NOW(6) - INTERVAL %s MICROSECOND",
            [name, FEWEST_FAILURES, self._give_up_after // MICROSECOND],
        )
        if rows:
            await self.disable(name, reason=f"it has failed since {rows[0][0]:%Y-%m-%d %H:%M} UTC")


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def _kept(row: Sequence[Any]) -> _Kept:
    failing_since, sealed, old_sealed, left_us, _ = row[7:]
    return _Kept(
        form=form_of(row[:7]),
        failing_since=failing_since,
        sealed=sealed,
        old_sealed=old_sealed,
        old_until_s=monotonic() + (left_us or 0) / 1_000_000,
    )
