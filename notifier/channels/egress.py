"""The one outbound HTTP client of the delivery path.

It follows no redirect, reads no proxy from the environment, keeps no cookie, decompresses nothing,
reads a bounded body, and tells of a failure whether the request can have had an effect.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
from yarl import URL

from notifier import __version__
from notifier.channels.addresses import (
    AddressBlocked,
    GuardedResolver,
    Network,
    literal_address,
    may_reach,
)
from notifier.errors import NotifierError, SettingsError

LONGEST_CONNECT_S = 5.0
LARGEST_BODY = 64 * 1024
KEEP_ALIVE_S = 15.0
"""Shorter than the idle limit of common servers: fewer requests meet a connection being closed."""
USER_AGENT = f"notifier/{__version__}"


class EgressFailed(NotifierError):
    """No complete answer came.

    code: a constant word for records. perhaps_sent: False only if the receiver certainly got
    nothing (no address, no connection, no trusted TLS).
    """

    def __init__(self, code: str, detail: str, *, perhaps_sent: bool) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.perhaps_sent = perhaps_sent


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A complete answer of any status; 3xx included, nothing is followed."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressOptions:
    """timeout: one request, connecting included. connections: kept alive at most.

    ca_file: trust this CA (PEM) instead of the system's. allow: networks that may be reached
    though they are not public.
    """

    timeout: timedelta = timedelta(seconds=15)
    connections: int = 64
    ca_file: Path | None = None
    allow: tuple[Network, ...] = ()


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
        self, url: URL, body: bytes, *, limit: timedelta | None = None
    ) -> HttpAnswer:
        """Post once. limit: of this request, instead of the usual one. Raises EgressFailed."""
        self._check_literal(url)
        session = self._session or self._open()
        timeout = self._usual_timeout if limit is None else _timeout(limit)
        try:
            async with session.post(
                url, data=body, timeout=timeout, allow_redirects=False
            ) as response:
                return HttpAnswer(status=response.status, body=await _read(response))
        except (aiohttp.ClientError, OSError) as error:
            raise _explain(error) from None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _check_literal(self, url: URL) -> None:
        # The connector asks no resolver for a literal address, so it is checked here.
        literal = literal_address(url.host or "")
        if literal is not None and not may_reach(literal, self._options.allow):
            raise EgressFailed("blocked", f"{url.host} may not be reached", perhaps_sent=False)

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            limit=self._options.connections,
            keepalive_timeout=KEEP_ALIVE_S,
            resolver=GuardedResolver(self._options.allow),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            response_class=_Response,
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


class _Response(aiohttp.ClientResponse):
    """Given up, it drops its connection at once: a silent peer would not say farewell either."""

    def close(self) -> None:
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        super().close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LARGEST_BODY:
                detail = f"more than {LARGEST_BODY} bytes"
                raise EgressFailed("too_large", detail, perhaps_sent=True)
    except BaseException:
        response.close()
        raise
    return bytes(body)


def _explain(error: Exception) -> EgressFailed:
    """Only texts without a URL: its query may carry a token."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return EgressFailed("connect_timeout", "no connection in time", perhaps_sent=False)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        if isinstance(error.os_error, AddressBlocked):
            return EgressFailed("blocked", str(error.os_error), perhaps_sent=False)
        return EgressFailed("dns", f"{error.host} cannot be resolved", perhaps_sent=False)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return EgressFailed("tls", _reason(error), perhaps_sent=False)
    if isinstance(error, aiohttp.ClientConnectorError):
        return EgressFailed("connect", _reason(error), perhaps_sent=False)
    if isinstance(error, aiohttp.InvalidURL):
        return EgressFailed("bad_url", "is no URL that can be called", perhaps_sent=False)
    if isinstance(error, TimeoutError):
        return EgressFailed("timeout", "no answer in time", perhaps_sent=True)
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
        return EgressFailed("garbled", type(error).__name__, perhaps_sent=True)
    return EgressFailed("reset", type(error).__name__, perhaps_sent=True)


def _reason(error: aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError) -> str:
    cause: object = (
        error.os_error
        if isinstance(error, aiohttp.ClientConnectorError)
        else (error.certificate_error)
    )
    text = getattr(cause, "verify_message", "") or getattr(cause, "strerror", "") or str(cause)
    return f"{error.host}:{error.port}: {text}"
