"""Which URLs may be called at all, decided from their text alone.

The address that a name resolves to is judged later, when it is dialled.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote, urlsplit

import idna
from yarl import URL

from notifier.channels.addresses import Network, may_reach
from notifier.errors import InvalidInput

LONGEST_URL = 2048
# Names that never lead to somebody else's machine, and the cloud providers' metadata services.
# Source: RFC 6761, RFC 6762, RFC 8375; ICANN reserved .internal in 2024.
INNER_DOMAINS = (
    *("localhost", "localdomain", "local", "internal", "intranet", "private", "lan", "home"),
    *("corp", "home.arpa", "onion", "invalid", "test", "example", "metadata.goog"),
)
_FORBIDDEN_CHARACTER = re.compile(r"[\x00-\x20\x7f-\xa0\\\ud800-\udfff\u2028\u2029]")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# What the URL standard takes for an IPv4 address, in whatever spelling: octal, hexadecimal, short.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@%]+))(?::([0-9]{1,5}))?")
_KEPT_IN_PATH = "/:@!$&'()*+,;=-._~%"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRules:
    """What an operator allows beyond the usual.

    ports: besides 80, which is http's; empty: any. http: allow it, unencrypted as it is.
    networks: may be reached though they are not public. hosts: names that may be called, whatever
    they are and wherever they lead.
    """

    ports: frozenset[int] = frozenset({443, 8443})
    http: bool = False
    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    def with_http(self) -> TargetRules:
        return replace(self, http=True)


def check_target(text: str, rules: TargetRules, *, field: str = "url") -> URL:
    """The URL as it will be dialled: host in ASCII, path escaped.

    Raises InvalidInput, without the text: its path or query may be somebody's secret.
    """
    try:
        return _check(text, rules)
    except ValueError as error:
        raise InvalidInput(field, str(error)) from None


@lru_cache(maxsize=4096)
def _check(text: str, rules: TargetRules) -> URL:
    if not text or len(text) > LONGEST_URL:
        raise ValueError(f"is not 1 to {LONGEST_URL} characters long")
    if found := _FORBIDDEN_CHARACTER.search(text):
        raise ValueError(f"contains the character U+{ord(found.group()):04X}")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("has a host that is no name and no address") from None
    _check_scheme(parts.scheme, rules)
    if not text[len(parts.scheme) :].startswith("://"):
        raise ValueError(f"begins with {parts.scheme}: but not with {parts.scheme}://")
    if "@" in parts.netloc:
        raise ValueError("contains a user name or a password; leave it out")
    if "#" in text:
        raise ValueError("contains a fragment (#…), which is never sent; leave it out")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if authority is None:
        raise ValueError("has a host or a port that cannot be read")
    literal, name, port = authority.groups()
    host = f"[{_literal(literal, rules)}]" if literal else _host(name, rules)
    port = _port(port, parts.scheme, rules)
    path = quote(parts.path or "/", safe=_KEPT_IN_PATH)
    query = f"?{quote(parts.query, safe=_KEPT_IN_PATH + '?')}" if "?" in text else ""
    url = URL(f"{parts.scheme}://{host}{port}{path}{query}", encoded=True)
    if url.raw_host != host.strip("[]"):
        raise ValueError("has a host that is read in more than one way")
    return url


def _check_scheme(scheme: str, rules: TargetRules) -> None:
    if scheme == "http" and not rules.http:
        raise ValueError("is http, which is not encrypted; https is needed")
    if scheme not in ("http", "https"):
        raise ValueError("does not begin with https://")


def _port(text: str | None, scheme: str, rules: TargetRules) -> str:
    usual = 443 if scheme == "https" else 80
    number = usual if text is None else int(text)
    if not 1 <= number <= 65535:
        raise ValueError("has a port that is not between 1 and 65535")
    if rules.ports and number not in rules.ports and (scheme, number) != ("http", 80):
        allowed = ", ".join(map(str, sorted(rules.ports)))
        raise ValueError(f"has port {number}; allowed: {allowed} ([egress] ports)")
    return "" if number == usual else f":{number}"


def _host(host: str, rules: TargetRules) -> str:
    name = _ascii(host.removesuffix("."))
    labels = name.split(".")
    if not all(map(_LABEL.fullmatch, labels)) or len(name) > 253:
        raise ValueError("has a host that is no name and no address")
    if _NUMBER.fullmatch(labels[-1]):
        return _literal(name, rules)
    if name not in rules.hosts:
        _check_name(name, labels)
    return name


def _check_name(name: str, labels: Iterable[str]) -> None:
    if "." not in name:
        raise ValueError("has a host without a domain; allow it in [egress] allow_hosts")
    if any(name == each or name.endswith(f".{each}") for each in INNER_DOMAINS):
        raise ValueError("has a host of an inner network; allow it in [egress] allow_hosts")


def _ascii(host: str) -> str:
    """Source: UTS 46, non-transitional, as browsers do."""
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise ValueError("has a host that is no international domain name") from None


def _literal(host: str, rules: TargetRules) -> str:
    """Only the canonical spelling, since other programs read the others in their own ways."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError("has an address in a spelling that is not allowed") from None
    if not may_reach(str(address), rules.networks):
        raise ValueError("has an address that may not be reached")
    return str(address)
