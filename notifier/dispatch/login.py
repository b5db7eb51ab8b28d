"""Letting operators in: by a password, or by a link that works once."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from notifier.domain.operator import Operator, hashed, is_password
from notifier.errors import NotifierError

SESSION_LASTS = timedelta(hours=12)
LINK_LASTS = timedelta(minutes=15)
TRIES, WITHIN_S = 5, 60.0
"""Failed ones of one name or one address; then there is a wait."""
MOST_REMEMBERED = 10_000


class NotLetIn(NotifierError):
    """The name, the password or the link is wrong; which of them is not said."""


class TooManyTries(NotifierError):
    """wait_s: until the next try."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many failed logins; try again in {wait_s:.0f} s")
        self.wait_s = wait_s


class OperatorStore(Protocol):
    async def password_of(self, name: str) -> str | None: ...

    async def admit(self, digest: bytes, name: str, *, kind: str, lasting: timedelta) -> None: ...

    async def admitted(self, digest: bytes) -> Operator | None: ...

    async def use_link(self, digest: bytes) -> str | None: ...

    async def dismiss(self, digest: bytes) -> None: ...


class Tries:
    """Failed logins of the last minute, by whatever they are counted by."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: dict[str, deque[float]] = {}

    def check(self, *keys: str) -> None:
        """Raises TooManyTries."""
        now = self._clock()
        for key in keys:
            failed = self._failed.get(key)
            while failed and failed[0] <= now - WITHIN_S:
                failed.popleft()
            if failed and len(failed) >= TRIES:
                raise TooManyTries(failed[0] + WITHIN_S - now)

    def failed(self, *keys: str) -> None:
        for key in keys:
            if key not in self._failed and len(self._failed) >= MOST_REMEMBERED:
                self._failed.pop(next(iter(self._failed)))
            self._failed.setdefault(key, deque(maxlen=TRIES)).append(self._clock())


class Login:
    """Every method raises StoreUnavailable, StoreError."""

    def __init__(self, store: OperatorStore, *, tries: Tries | None = None) -> None:
        self._store = store
        self._tries = tries or Tries()
        self._one_at_a_time = asyncio.Lock()  # 64 MiB and a tenth of a second each
        self._nobodys = ""

    async def with_password(self, name: str, password: str, *, address: str) -> str:
        """The session's token. address: of the browser. Raises NotLetIn, TooManyTries."""
        keys = (f"name {name[:64]}", f"address {address}")
        async with self._one_at_a_time:
            self._tries.check(*keys)
            # A name that does not exist takes as long as one that does.
            kept = await self._store.password_of(name) or await self._nobody()
            is_right = await asyncio.to_thread(is_password, password[:200], kept)
            if not is_right or kept == self._nobodys:
                self._tries.failed(*keys)
                raise NotLetIn("the name or the password is wrong")
        return await self._let_in(name)

    async def with_link(self, token: str, *, address: str) -> str:
        """The session's token. Raises NotLetIn, TooManyTries."""
        self._tries.check(f"address {address}")
        name = await self._store.use_link(digest_of(token))
        if name is None:
            self._tries.failed(f"address {address}")
            raise NotLetIn("the link is wrong, was used, or is too old")
        return await self._let_in(name)

    async def who(self, token: str) -> Operator | None:
        return await self._store.admitted(digest_of(token)) if token else None

    async def out(self, token: str) -> None:
        await self._store.dismiss(digest_of(token))

    async def _let_in(self, name: str) -> str:
        token = secrets.token_urlsafe(32)
        await self._store.admit(digest_of(token), name, kind="session", lasting=SESSION_LASTS)
        return token

    async def _nobody(self) -> str:
        if not self._nobodys:
            self._nobodys = await asyncio.to_thread(hashed, secrets.token_urlsafe(16))
        return self._nobodys


async def new_link(store: OperatorStore, name: str) -> str:
    """A token that lets him in once within a quarter of an hour. Raises NotFound."""
    token = secrets.token_urlsafe(32)
    await store.admit(digest_of(token), name, kind="link", lasting=LINK_LASTS)
    return token


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
