"""Keys of the API: random tokens of which only a digest is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from notifier.errors import InvalidInput

KEY = re.compile(r"ntf_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
"""The id, and 32 random bytes. No salt and no slow hash: nobody guesses 256 bits."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Scope(StrEnum):
    SUBMIT = "submit"
    """Accept notifications."""
    READ = "read"
    """Look at notifications, attempts, endpoints and figures."""
    OPERATE = "operate"
    """Cancel, reschedule, replay; register, change and pause endpoints."""
    LIVE = "live"
    """Make tickets for browsers, and publish to topics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """digest: of the whole key. used_at: about when it was used last, None: never."""

    id: str
    name: str
    scopes: frozenset[Scope]
    digest: bytes = field(repr=False)
    made_by: str = ""
    created_at: datetime | None = None
    used_at: datetime | None = None

    def is_opened_by(self, text: str) -> bool:
        return hmac.compare_digest(self.digest, digest_of(text))


def new_key() -> str:
    """The one time that it is whole."""
    return f"ntf_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"


def id_of_key(text: str) -> str | None:
    """None for what is no key at all."""
    match = KEY.fullmatch(text)
    return match[1] if match else None


def digest_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def check_key_name(name: str) -> str:
    """Raises InvalidInput."""
    if not NAME.fullmatch(name):
        raise InvalidInput(
            "name", f"{name[:64]!r} is no name: 1 to 64 letters, digits, '.', '_' and '-'"
        )
    return name


def check_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """Raises InvalidInput for one that there is not, or none at all."""
    known, found = ", ".join(Scope), set()
    for name in names:
        if name not in list(Scope):
            raise InvalidInput("scope", f"there is no {name[:64]!r}; there are {known}")
        found.add(Scope(name))
    if not found:
        raise InvalidInput("scope", f"is missing; give one or more of {known}")
    return frozenset(found)
