"""WeChat's access token: one for all processes, fetched by one of them at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol

import orjson
import structlog

from notifier.channels.wechat.stable_token import TokenEndpoint, TokenRefused
from notifier.domain.outcome import Paused, Retry
from notifier.errors import StoreUnavailable

MARGIN = timedelta(seconds=300)
SHORTEST_USE = timedelta(seconds=60)
LONGEST_LOCAL_USE_S = 60.0
LOCK_LIFETIME = timedelta(seconds=10)
POLL_S = 0.05
REST_AFTER_FAILURE_S = 1.0
FORCE_GAP = timedelta(seconds=30)
FORCES_PER_DAY = 5

Permission = Literal["granted", "too_soon", "exhausted"]

log = structlog.get_logger(__name__)


class TokenStore(Protocol):
    """What all processes share. Every method raises StoreUnavailable; none of them retries.

    Lifetimes are kept by the store's clock, so that no two hosts' clocks are compared.
    """

    async def load(self, app_id: str) -> tuple[bytes, timedelta] | None:
        """The value and what is left of its lifetime."""
        ...

    async def save(self, app_id: str, value: bytes, *, lifetime: timedelta) -> None: ...

    async def lock(self, app_id: str, *, lifetime: timedelta) -> str | None:
        """A key to give to `unlock`, None while somebody else holds the lock."""
        ...

    async def unlock(self, app_id: str, key: str) -> None:
        """Does nothing where the lock has passed to another holder."""
        ...

    async def permit_force(self, app_id: str, *, gap: timedelta, per_day: int) -> Permission:
        """Count one forced refresh if it is `gap` after the last and within the day's number."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """use_until: of the monotonic clock, seconds. was_forced: it replaced one before its time."""

    value: str = field(repr=False)
    use_until: float
    was_forced: bool = False


class TokenKeeper:
    """Hands out the token; in one process many sends share one call for it.

    store: shared by all processes; without it every process asks WeChat for itself.
    """

    def __init__(
        self,
        endpoint: TokenEndpoint,
        *,
        store: TokenStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._app_id = endpoint.account.app_id
        self._store = store
        self._clock = clock
        self._held: Token | None = None
        self._refusal: tuple[float, Retry | Paused] | None = None
        self._one_at_a_time = asyncio.Lock()

    def held(self) -> Token | None:
        """The token, if it is known without asking anybody."""
        held = self._held
        return held if held is not None and self._clock() < held.use_until else None

    async def current(self) -> Token:
        """Raises TokenRefused."""
        return self.held() or await self._obtain("")

    async def replace(self, failed: str) -> Token:
        """A token that differs from the one WeChat just refused. Raises TokenRefused."""
        return await self._obtain(failed)

    async def _obtain(self, unlike: str) -> Token:
        async with self._one_at_a_time:
            held = self.held()
            if held is not None and held.value != unlike:
                return held
            if self._refusal is not None and self._clock() < self._refusal[0]:
                raise TokenRefused(self._refusal[1])
            try:
                self._held = await self._agree(unlike)
            except TokenRefused as refused:
                self._refusal = (self._clock() + REST_AFTER_FAILURE_S, refused.outcome)
                log.warning("wechat_token_refused", app_id=self._app_id, reason=str(refused))
                raise
            return self._held

    async def _agree(self, unlike: str) -> Token:
        """The token that the other processes use too, if the store answers."""
        try:
            while True:
                if stored := await self._load(unlike):
                    return stored
                if key := await self._store.lock(self._app_id, lifetime=LOCK_LIFETIME):
                    break
                await asyncio.sleep(POLL_S)
        except StoreUnavailable as error:
            log.warning("wechat_token_unshared", app_id=self._app_id, error=str(error))
            return await self._renew(unlike)
        try:
            return await self._renew_shared(unlike)
        finally:
            await self._unlock(key)

    async def _renew_shared(self, unlike: str) -> Token:
        try:
            # The last holder of the lock may have stored one after our look.
            stored = await self._load(unlike)
        except StoreUnavailable:
            stored = None
        return stored or await self._renew(unlike)

    async def _load(self, unlike: str) -> Token | None:
        entry = await self._store.load(self._app_id)
        if entry is None:
            return None
        value, left = entry
        try:
            fields = orjson.loads(value)
            token = fields["token"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            log.warning("wechat_token_unreadable", app_id=self._app_id)
            return None
        if not isinstance(token, str) or not token or token == unlike:
            return None
        return self._token(token, left)

    async def _renew(self, unlike: str) -> Token:
        value, lifetime = await self._endpoint.fetch(force=False)
        was_forced = value == unlike
        if was_forced:
            await self._ask_to_force()
            value, lifetime = await self._endpoint.fetch(force=True)
            if value == unlike:
                raise TokenRefused(Retry(code="token_unchanged", detail="WeChat kept the token"))
        lifetime = max(lifetime - MARGIN, SHORTEST_USE)
        await self._save(value, lifetime, "stable_forced" if was_forced else "stable")
        return self._token(value, lifetime, was_forced=was_forced)

    async def _ask_to_force(self) -> None:
        try:
            permission = await self._store.permit_force(
                self._app_id, gap=FORCE_GAP, per_day=FORCES_PER_DAY
            )
        except StoreUnavailable as error:
            # Uncounted forcing by many processes would use up the day's calls in a moment.
            detail = "WeChat refuses its own token, and no store counts forced refreshes"
            raise TokenRefused(Retry(code="token_force_uncounted", detail=detail)) from error
        if permission == "too_soon":
            detail = f"the last forced refresh is less than {FORCE_GAP.seconds} s ago"
            raise TokenRefused(Retry(code="token_force_too_soon", detail=detail))
        if permission == "exhausted":
            detail = f"{FORCES_PER_DAY} forced refreshes today: does somebody else force them?"
            raise TokenRefused(Paused(code="token_force_exhausted", detail=detail))

    async def _save(self, value: str, lifetime: timedelta, source: str) -> None:
        now_s = int(time.time())
        entry = {
            "token": value,
            "expires_at": now_s + int(lifetime.total_seconds()),
            "fetched_at": now_s,
            "source": source,
        }
        try:
            await self._store.save(self._app_id, orjson.dumps(entry), lifetime=lifetime)
        except StoreUnavailable as error:
            log.warning("wechat_token_unsaved", app_id=self._app_id, error=str(error))

    async def _unlock(self, key: str) -> None:
        try:
            await self._store.unlock(self._app_id, key)
        except StoreUnavailable as error:
            # It ends by itself with its lifetime.
            log.warning("wechat_token_locked", app_id=self._app_id, error=str(error))

    def _token(self, value: str, left: timedelta, *, was_forced: bool = False) -> Token:
        use_s = min(left.total_seconds(), LONGEST_LOCAL_USE_S)
        return Token(value=value, use_until=self._clock() + use_s, was_forced=was_forced)
