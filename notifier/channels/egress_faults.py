"""Why no complete answer came, in constant words, and whether the request had an effect perhaps."""

from __future__ import annotations

import aiohttp

from notifier.channels.addresses import AddressBlocked
from notifier.errors import NotifierError


class EgressFailed(NotifierError):
    """No answer came.

    code: a constant word for records. perhaps_sent: False only if the receiver certainly got
    nothing (no address, no connection, no trusted TLS).
    """

    def __init__(self, code: str, detail: str, *, perhaps_sent: bool) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.perhaps_sent = perhaps_sent


def explain(error: Exception) -> EgressFailed:
    """Only texts without a URL: its query may carry a token."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return EgressFailed("connect_timeout", "no connection in time", perhaps_sent=False)
    if isinstance(error, AddressBlocked):
        return EgressFailed("blocked", str(error), perhaps_sent=False)
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
    code = code_of(error)
    detail = "no answer in time" if code == "timeout" else type(error).__name__
    return EgressFailed(code, detail, perhaps_sent=True)


def code_of(error: Exception) -> str:
    """Of a request that was sent, or of an answer that began."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
        return "garbled"
    return "reset"


def _reason(error: aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError) -> str:
    cause: object = (
        error.os_error
        if isinstance(error, aiohttp.ClientConnectorError)
        else (error.certificate_error)
    )
    text = getattr(cause, "verify_message", "") or getattr(cause, "strerror", "") or str(cause)
    return f"{error.host}:{error.port}: {text}"
