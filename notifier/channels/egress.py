"""The one outbound HTTP client of the delivery path.

It reaches only permitted addresses, follows no redirect, reads no proxy from the environment, keeps
no cookie, decompresses nothing, reads a bounded answer, and tells of a failure whether the request
can have had an effect.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from yarl import URL

from notifier.channels.addresses import Network
from notifier.channels.http.answer import HttpAnswer
from notifier.channels.http.connection import Connection, Lane
from notifier.channels.http.dialling import Dialler
from notifier.channels.http.failure import EgressFailed
from notifier.channels.http.pool import Pool
from notifier.channels.http.request import start_of, written
from notifier.channels.lookup import Resolver, ThreadedLookup
from notifier.errors import SettingsError

__all__ = ["Egress", "EgressFailed", "EgressOptions", "HttpAnswer"]

LONGEST_CONNECT_S = 5.0
SHARE = 0.75
"""Of a request's time to connect, so that a failure of that is told apart from a lost answer."""
SHORTEST_S = 0.001
NO_FIELDS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressOptions:
    """timeout: one request, connecting included. connections: in use at most; 0 for no limit.

    keep_alive: how long an idle connection stays; shorter than the idle limit of common servers,
    so that fewer requests meet a connection that is being closed.

    ca_file: trust this CA (PEM) instead of the system's. allow: networks that may be reached
    though they are not public. hosts: names that may be called wherever they lead.
    resolver: makes what asks for addresses; the system's by default.
    """

    timeout: timedelta = timedelta(seconds=15)
    connections: int = 64
    keep_alive: timedelta = timedelta(seconds=15)
    ca_file: Path | None = None
    allow: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    resolver: Callable[[], Resolver] = ThreadedLookup


class Egress:
    """Opens its connections when they are needed; one instance per process and kind of receiver."""

    def __init__(self, options: EgressOptions) -> None:
        """Raises SettingsError if the CA file cannot be used."""
        self._timeout_s = options.timeout.total_seconds()
        self._options = options
        self._slots = asyncio.Semaphore(options.connections) if options.connections else None
        self._pool = Pool(keep_alive_s=options.keep_alive.total_seconds())
        self._dialler = Dialler(
            _tls_context(options.ca_file),
            options.resolver(),
            allow=options.allow,
            hosts=options.hosts,
        )

    @property
    def timeout(self) -> timedelta:
        """Of one request, unless it asks for another."""
        return self._options.timeout

    async def post_json(
        self,
        url: URL,
        body: bytes,
        *,
        headers: Mapping[str, str] = NO_FIELDS,
        limit: timedelta | None = None,
        tenant: str = "",
    ) -> HttpAnswer:
        """Post once: what was perhaps sent is not sent again. Cancelled: the connection is closed.

        limit: of this request, instead of the usual one. tenant: whose connections it may use,
        nobody else's on the same host. Raises EgressFailed.
        """
        start = start_of(url)
        request = written(start, headers, body)
        lane = Lane(start.is_tls, start.host, start.port, tenant)
        deadlines = self._deadlines(limit)
        slots = self._slots
        if slots is None:
            return await self._exchange(lane, request, deadlines)
        await self._wait_for_slot(slots, deadlines)
        try:
            return await self._exchange(lane, request, deadlines)
        finally:
            slots.release()

    async def close(self) -> None:
        self._pool.close()
        await self._dialler.close()

    def _deadlines(self, limit: timedelta | None) -> _Deadlines:
        limit_s = self._timeout_s if limit is None else max(limit.total_seconds(), SHORTEST_S)
        now_s = asyncio.get_running_loop().time()
        return _Deadlines(now_s + min(LONGEST_CONNECT_S, limit_s * SHARE), now_s + limit_s)

    async def _exchange(self, lane: Lane, request: bytes, deadlines: _Deadlines) -> HttpAnswer:
        connection = self._pool.take(lane) or await self._dial(lane, deadlines)
        incoming = await connection.exchange(request, ends_at=deadlines.answered)
        if connection.is_open:
            self._pool.keep(connection)
        return incoming.answer()

    async def _dial(self, lane: Lane, deadlines: _Deadlines) -> Connection:
        try:
            async with asyncio.timeout_at(deadlines.connected):
                connection = await self._dialler.dial(lane, on_lost=self._pool.forget)
        except TimeoutError:
            raise _too_late() from None
        self._pool.admit(connection)
        return connection

    async def _wait_for_slot(self, slots: asyncio.Semaphore, deadlines: _Deadlines) -> None:
        if not slots.locked():
            await slots.acquire()
            return
        try:
            async with asyncio.timeout_at(deadlines.connected):
                await slots.acquire()
        except TimeoutError:
            raise _too_late() from None


class _Deadlines(NamedTuple):
    """By the loop's clock."""

    connected: float
    answered: float


def _too_late() -> EgressFailed:
    return EgressFailed("connect_timeout", "no connection in time", perhaps_sent=False)


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"ca_file: {ca_file} is no readable PEM file: {reason}") from error
