"""Registered endpoints, as a person sees and changes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from notifier.domain.endpoint import (
    PREFIX,
    Dialect,
    EndpointForm,
    EndpointStanding,
    endpoint_of,
)
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput, NotFound, SettingsError
from notifier.store.mysql import Cursor, Database
from notifier.store.seal import Seal
from notifier.store.sql import marks

log = structlog.get_logger(__name__)

FORM = "e.name, e.url, e.dialect, e.ladder, e.rate_per_s, e.timeout_ms, e.allow_http"
STANDING = (
    f"{FORM}, e.created_at, e.failing_since, e.failures, "
    "IF(e.old_secret_until > NOW(6), e.old_secret_until, NULL), "
    "IFNULL(p.reason, ''), IFNULL(p.who, ''), p.until_at"
)
SOURCE = (
    f"FROM notifier_endpoint e LEFT JOIN notifier_pause p ON p.scope = CONCAT('{PREFIX}', e.name) "
    "AND (p.until_at IS NULL OR p.until_at > NOW(6))"
)
# What is due much later is not read; and that it is down is the least of the reasons by name.
HELD = (
    "SELECT COUNT(*), IFNULL(MIN(reason), '') FROM notifier_notification "
    "WHERE state = 'scheduled' AND next_sweep_at < NOW(6) + INTERVAL 10 MINUTE "
    "AND recipient = %s AND reason LIKE 'endpoint%%'"
)
USUAL_LADDER = "default"
MILLISECOND = timedelta(milliseconds=1)
MICROSECOND = timedelta(microseconds=1)


class Endpoints:
    """Every method raises StoreUnavailable, StoreError."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    async def add(self, form: EndpointForm, secret: str) -> None:
        """Raises InvalidInput where the name is taken, SettingsError without a key."""
        sealed = self._seal.close(secret, name=form.name)
        values = (
            *(form.name, form.url, form.dialect.value, form.ladder, form.rate_per_s),
            *(form.timeout and form.timeout // MILLISECOND, int(form.http), sealed),
        )
        added = await self._database.run(
            "INSERT INTO notifier_endpoint (name, url, dialect, ladder, rate_per_s, timeout_ms, "
            "allow_http, secret, created_at, changed_at) "
            f"VALUES ({marks(len(values))}, NOW(6), NOW(6)) ON DUPLICATE KEY UPDATE name = %s",
            [*values, form.name],
        )
        if not added:
            raise InvalidInput(
                "endpoint",
                f"{form.name!r} exists already; remove it first, or rotate its secret",
            )

    async def change(self, form: EndpointForm) -> None:
        """All but its name and its secret. Raises NotFound."""
        changed = await self._database.run(
            "UPDATE notifier_endpoint SET url = %s, dialect = %s, ladder = %s, rate_per_s = %s, "
            "timeout_ms = %s, allow_http = %s, changed_at = NOW(6) WHERE name = %s",
            [
                *(form.url, form.dialect.value, form.ladder, form.rate_per_s),
                *(form.timeout and form.timeout // MILLISECOND, int(form.http), form.name),
            ],
        )
        if not changed:
            raise NotFound(no_endpoint(form.name))

    async def all(self) -> list[EndpointStanding]:
        """By name."""
        rows = await self._database.fetch(f"SELECT {STANDING} {SOURCE} ORDER BY e.name")
        return [standing_of(row) for row in rows]

    async def one(self, name: str) -> EndpointStanding:
        """With what is held back for it. Raises NotFound."""
        rows = await self._database.fetch(f"SELECT {STANDING} {SOURCE} WHERE e.name = %s", [name])
        if not rows:
            raise NotFound(no_endpoint(name))
        [(held, reason)] = await self._database.fetch(HELD, [PREFIX + name])
        return replace(standing_of(rows[0]), held=held, held_reason=reason)

    async def known(self, names: Sequence[str]) -> set[str]:
        """Those of them that are registered."""
        rows = await self._database.fetch(
            f"SELECT name FROM notifier_endpoint WHERE name IN ({marks(len(names))})", names
        )
        return {row[0] for row in rows}

    async def unreadable(self) -> list[str]:
        """Why, for each endpoint whose secret cannot be decrypted."""
        faults = []
        for name, sealed in await self._database.fetch(
            "SELECT name, secret FROM notifier_endpoint"
        ):
            try:
                self._seal.open(sealed, name=name)
            except SettingsError as error:
                faults.append(str(error))
        return faults

    async def rotate(self, name: str, secret: str, *, overlap: timedelta) -> None:
        """The secret before signs too for `overlap`. Raises NotFound, SettingsError."""
        changed = await self._database.run(
            "UPDATE notifier_endpoint SET old_secret = secret, secret = %s, "
            "old_secret_until = NOW(6) + INTERVAL %s MICROSECOND, changed_at = NOW(6) "
            "WHERE name = %s",
            [self._seal.close(secret, name=name), overlap // MICROSECOND, name],
        )
        if not changed:
            raise NotFound(no_endpoint(name))

    async def remove(self, name: str) -> int:
        """How many notifications for it had not ended; they end dead. Raises NotFound."""
        async with self._database.transaction() as cursor:
            await check_exists(cursor, name)
            rows = await cursor.fetch(
                "SELECT COUNT(*) FROM notifier_notification WHERE recipient = %s "
                "AND state IN ('scheduled', 'waiting', 'in_flight')",
                [PREFIX + name],
            )
            cursor.later("DELETE FROM notifier_pause WHERE scope = %s", [PREFIX + name])
            cursor.later("DELETE FROM notifier_endpoint WHERE name = %s", [name])
        return int(rows[0][0])

    async def forgive(self, name: str) -> None:
        """Its failures up to now do not count. Raises NotFound."""
        changed = await self._database.run(
            "UPDATE notifier_endpoint SET failing_since = NULL, failures = 0, changed_at = NOW(6) "
            "WHERE name = %s",
            [name],
        )
        if not changed:
            raise NotFound(no_endpoint(name))


async def with_ladders(
    cursor: Cursor, submissions: Sequence[Submission], *, known: Collection[str]
) -> Sequence[Submission]:
    """Those for an endpoint that ask for no ladder climb its own, where the settings still have it.

    known: the ladders there are.
    """
    names = {
        name
        for submission in submissions
        if submission.ladder == USUAL_LADDER and (name := endpoint_of(submission.recipient))
    }
    if not names:
        return submissions
    rows = await cursor.fetch(
        "SELECT name, ladder FROM notifier_endpoint "
        f"WHERE ladder <> '' AND name IN ({marks(len(names))})",
        sorted(names),
    )
    ladders = {PREFIX + name: ladder for name, ladder in rows if ladder in known}
    for name, ladder in rows:
        if ladder not in known:
            log.warning("endpoint.ladder_unknown", endpoint=name, ladder=ladder)
    return [
        replace(submission, ladder=ladders[submission.recipient])
        if submission.ladder == USUAL_LADDER and submission.recipient in ladders
        else submission
        for submission in submissions
    ]


async def check_exists(cursor: Cursor, name: str) -> None:
    """Lock its row. Raises NotFound."""
    found = await cursor.fetch(
        "SELECT name FROM notifier_endpoint WHERE name = %s FOR UPDATE", [name]
    )
    if not found:
        raise NotFound(no_endpoint(name))


def no_endpoint(name: str) -> str:
    return f"there is no endpoint {name[:64]!r}; `notifier endpoint list` shows those there are"


def form_of(row: Sequence[Any]) -> EndpointForm:
    """row: the columns of FORM."""
    name, url, dialect, ladder, rate_per_s, timeout_ms, http = row
    return EndpointForm(
        name=name,
        url=url,
        dialect=Dialect(dialect),
        ladder=ladder,
        rate_per_s=rate_per_s,
        timeout=None if timeout_ms is None else timedelta(milliseconds=timeout_ms),
        http=bool(http),
    )


def standing_of(row: Sequence[Any]) -> EndpointStanding:
    """row: the columns of STANDING."""
    form, rest = row[:7], row[7:]
    return EndpointStanding(
        form=form_of(form),
        created_at=rest[0],
        failing_since=rest[1],
        failures=rest[2],
        old_secret_until=rest[3],
        pause_reason=rest[4],
        paused_by=rest[5],
        paused_until=rest[6],
    )
