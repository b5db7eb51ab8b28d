"""Who may look at the dashboard, and who may act there."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from notifier.errors import InvalidInput

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
# Source: OWASP Password Storage Cheat Sheet, scrypt with N = 2^16, r = 8, p = 2: 64 MiB a time.
_COST, _BLOCK, _PARALLEL = 2**16, 8, 2


class OperatorRole(StrEnum):
    VIEWER = "viewer"
    """Looks."""
    OPERATOR = "operator"
    """Looks and acts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    name: str
    role: OperatorRole

    @property
    def may_act(self) -> bool:
        return self.role is OperatorRole.OPERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorStanding:
    """has_password: else only links let him in."""

    operator: Operator
    has_password: bool
    created_at: datetime


def check_operator_name(name: str) -> str:
    """Raises InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "name", f"{name[:64]!r} is no name: 1 to 64 letters, digits, '.', '_', '@' and '-'"
        )
    return name


def check_password(password: str) -> str:
    """Raises InvalidInput, which does not repeat it."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInput(
            "password",
            f"has {len(password)} characters, not {SHORTEST_PASSWORD} to {LONGEST_PASSWORD}",
        )
    return password


def hashed(password: str) -> str:
    """What is kept of it. Blocks for a tenth of a second, on purpose."""
    salt = os.urandom(16)
    digest = _scrypt(password, salt, _COST, _BLOCK, _PARALLEL)
    encoded = (base64.b64encode(part).decode() for part in (salt, digest))
    return "$".join(("scrypt", str(_COST), str(_BLOCK), str(_PARALLEL), *encoded))


def is_password(password: str, kept: str) -> bool:
    """Blocks as `hashed` does."""
    _, cost, block, parallel, salt, digest = kept.split("$")
    made = _scrypt(password, base64.b64decode(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(made, base64.b64decode(digest))


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    needed = 128 * block * (cost + parallel + 2)
    return hashlib.scrypt(
        password.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=needed, dklen=32
    )
