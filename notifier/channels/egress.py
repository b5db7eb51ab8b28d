"""The one outbound HTTP client of the delivery path.

It reaches only permitted addresses, follows no redirect, reads no proxy from the environment, keeps
no cookie, decompresses nothing, reads a bounded answer, and tells of a failure whether the request
can have had an effect.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from notifier import __version__
from notifier.channels.addresses import GuardedResolver, Network, literal_address, may_reach
from notifier.channels.connections import Response, request_class
from notifier.channels.egress_faults import EgressFailed, code_of, explain
from notifier.channels.lookup import ThreadedLookup
from notifier.errors import SettingsError

__all__ = ["Egress", "EgressFailed", "EgressOptions", "HttpAnswer"]

LONGEST_CONNECT_S = 5.0
LARGEST_BODY = 64 * 1024
LARGEST_HEAD = 16 * 1024
MOST_FIELDS = 64
KEPT_FIELDS = ("Content-Type", "Retry-After")
LONGEST_KEPT_FIELD = 256
USER_AGENT = f"notifier/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An answer of any status; 3xx included, nothing is followed.

    body: its first 64 KiB, as they came over the wire. cut: "" where that is all of it, else why
    the rest is missing: too_large, timeout, reset or garbled.
    headers: Content-Type and Retry-After in these spellings, the first 256 characters of each.
    """

    status: int
    body: bytes
    cut: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


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
    resolver: Callable[[], AbstractResolver] = ThreadedLookup


class Egress:
    """Opens its connections on first use; one instance per process and kind of receiver."""

    def __init__(self, options: EgressOptions) -> None:
        """Raises SettingsError if the CA file cannot be used."""
        self._options = options
        self._tls = _tls_context(options.ca_file)
        self._usual_timeout = _timeout(options.timeout)
        self._session: aiohttp.ClientSession | None = None

    @property
    def timeout(self) -> timedelta:
        """Of one request, unless it asks for another."""
        return self._options.timeout

    async def post_json(
        self,
        url: URL,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        limit: timedelta | None = None,
    ) -> HttpAnswer:
        """Post once. limit: of this request, instead of the usual one. Raises EgressFailed."""
        self._check_literal(url)
        session = self._session or self._open()
        timeout = self._usual_timeout if limit is None else _timeout(limit)
        try:
            async with session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return await _read(response)
        except (aiohttp.ClientError, OSError) as error:
            raise explain(error) from None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _check_literal(self, url: URL) -> None:
        # The connector asks no resolver for a literal address, so it is checked here.
        literal = literal_address(url.host or "")
        if literal is not None and not may_reach(literal, self._options.allow):
            raise EgressFailed("blocked", "the address may not be reached", perhaps_sent=False)

    def _open(self) -> aiohttp.ClientSession:
        allow, hosts = self._options.allow, self._options.hosts
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            limit=self._options.connections,
            keepalive_timeout=self._options.keep_alive.total_seconds(),
            resolver=GuardedResolver(allow, hosts, system=self._options.resolver()),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            max_headers=MOST_FIELDS,
            request_class=request_class(allow, hosts),
            response_class=Response,
            headers={
                "User-Agent": USER_AGENT,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json; charset=utf-8",
            },
        )
        return self._session


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"ca_file: {ca_file} is no readable PEM file: {reason}") from error


def _timeout(total: timedelta) -> aiohttp.ClientTimeout:
    # Connecting ends before the total does, so that its failure is told apart from a lost answer.
    # A total of 0 would be none.
    total_s = max(total.total_seconds(), 0.001)
    return aiohttp.ClientTimeout(
        total=total_s, connect=min(LONGEST_CONNECT_S, total_s * 0.75), ceil_threshold=3600
    )


async def _read(response: aiohttp.ClientResponse) -> HttpAnswer:
    """What came of it: the status is the receiver's word even where the body is cut."""
    if sum(len(name) + len(value) + 4 for name, value in response.raw_headers) > LARGEST_HEAD:
        response.close()
        detail = f"more than {LARGEST_HEAD} bytes of headers"
        raise EgressFailed("too_large", detail, perhaps_sent=True)
    body, cut = bytearray(), ""
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LARGEST_BODY:
                cut = "too_large"
                break
    except (aiohttp.ClientError, OSError) as error:
        cut = code_of(error)
    finally:
        if not response.content.is_eof():
            response.close()
    return HttpAnswer(
        status=response.status,
        body=bytes(body[:LARGEST_BODY]),
        cut=cut,
        headers={
            name: response.headers[name][:LONGEST_KEPT_FIELD]
            for name in KEPT_FIELDS
            if name in response.headers
        },
    )
