"""A POST as its bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from yarl import URL

from notifier import __version__
from notifier.channels.http.failure import EgressFailed

USER_AGENT = f"notifier/{__version__}"
USUAL_FIELDS = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json; charset=utf-8",
}
OWN_FIELDS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect"})
"""They say where a request begins and ends: nobody else writes them."""
# Source: RFC 9112 section 3 (the request line has no other space), RFC 9110 section 5 (fields).
_TARGET = re.compile(r"/[!-~]*")
_HOST = re.compile(r"[!-~]+")
_FIELDS = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [ -~]*\r\n)*")


class Start(NamedTuple):
    """Where a URL's requests go and how they begin: the request line and the Host field."""

    is_tls: bool
    host: str
    port: int
    head: str


@lru_cache(maxsize=4096)
def start_of(url: URL) -> Start:
    """Raises EgressFailed for what is no URL to be called."""
    target, host, port = url.raw_path_qs, url.raw_host, url.port
    authority = url.host_port_subcomponent
    if (
        url.scheme not in ("http", "https")
        or not (host and port and authority)
        or not _TARGET.fullmatch(target)
        or not _HOST.fullmatch(authority)
    ):
        raise EgressFailed("bad_url", "is no URL that can be called", perhaps_sent=False)
    head = f"POST {target} HTTP/1.1\r\nHost: {authority}\r\n"
    return Start(url.scheme == "https", host.rstrip("."), port, head)


def written(start: Start, fields: Mapping[str, str], body: bytes) -> bytes:
    """fields: beside the usual ones, or instead of them. Raises EgressFailed for a bad field."""
    more = "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
    if not _FIELDS.fullmatch(more) or more.count("\n") != len(fields):
        raise EgressFailed("bad_field", "a header field cannot be written", perhaps_sent=False)
    usual = _usual_beside(tuple(fields))
    return f"{start.head}{usual}{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


@lru_cache(maxsize=64)
def _usual_beside(names: tuple[str, ...]) -> str:
    lower = {name.lower() for name in names}
    if lower & OWN_FIELDS:
        raise EgressFailed("bad_field", "a header field is not the caller's", perhaps_sent=False)
    return "".join(
        f"{name}: {value}\r\n" for name, value in USUAL_FIELDS.items() if name.lower() not in lower
    )
