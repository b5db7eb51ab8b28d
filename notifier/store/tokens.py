"""Where all processes share the WeChat token: Redis, and a stand-in for one process."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal, cast

from redis.exceptions import RedisError

from notifier.errors import StoreUnavailable
from notifier.store.redis_client import redis_at

ONE_DAY = timedelta(days=1)
Permission = Literal["granted", "too_soon", "exhausted"]

_UNLOCK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
_PERMIT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 'too_soon' end
local used = tonumber(redis.call('GET', KEYS[2]) or '0')
if used >= tonumber(ARGV[2]) then return 'exhausted' end
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
redis.call('INCR', KEYS[2])
if used == 0 then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
return 'granted'
"""


class RedisTokenStore:
    """Keys `<prefix>wechat:<app_id>:token` and beside it `:lock`, `:force_gap`, `:forced_today`.

    Every method raises StoreUnavailable after at most `timeout`, and repeats nothing by itself.
    """

    def __init__(self, url: str, *, prefix: str, timeout: timedelta = timedelta(seconds=1)) -> None:
        """url: redis:// or rediss://. Connects on first use. Raises SettingsError for a bad URL."""
        self._redis = redis_at(url, answer_s=timeout.total_seconds(), name="tokens")
        self._prefix = prefix

    async def load(self, app_id: str) -> tuple[bytes, timedelta] | None:
        key = self._key(app_id, "token")
        with _unavailable():
            async with self._redis.pipeline(transaction=True) as both:
                both.get(key)
                both.pttl(key)
                value, left_ms = await both.execute()
        # A value without a lifetime is not ours, and would never be renewed.
        if value is None or left_ms <= 0:
            return None
        return value, timedelta(milliseconds=left_ms)

    async def save(self, app_id: str, value: bytes, *, lifetime: timedelta) -> None:
        with _unavailable():
            await self._redis.set(self._key(app_id, "token"), value, px=lifetime)

    async def lock(self, app_id: str, *, lifetime: timedelta) -> str | None:
        key = secrets.token_hex(16)
        with _unavailable():
            taken = await self._redis.set(self._key(app_id, "lock"), key, nx=True, px=lifetime)
        return key if taken else None

    async def unlock(self, app_id: str, key: str) -> None:
        with _unavailable():
            await _awaited(self._redis.eval(_UNLOCK, 1, self._key(app_id, "lock"), key))

    async def permit_force(self, app_id: str, *, gap: timedelta, per_day: int) -> Permission:
        keys = (self._key(app_id, "force_gap"), self._key(app_id, "forced_today"))
        with _unavailable():
            answer = await _awaited(
                self._redis.eval(
                    _PERMIT, 2, *keys, _milliseconds(gap), str(per_day), _milliseconds(ONE_DAY)
                )
            )
        return cast(Permission, answer.decode())

    async def close(self) -> None:
        await self._redis.aclose()

    def _key(self, app_id: str, name: str) -> str:
        return f"{self._prefix}wechat:{app_id}:{name}"


class MemoryTokenStore:
    """The same for a single process, and for tests. clock: monotonic, seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, str], tuple[bytes, float]] = {}

    async def load(self, app_id: str) -> tuple[bytes, timedelta] | None:
        entry = self._get(app_id, "token")
        return entry and (entry[0], timedelta(seconds=entry[1] - self._clock()))

    async def save(self, app_id: str, value: bytes, *, lifetime: timedelta) -> None:
        self._set(app_id, "token", value, lifetime)

    async def lock(self, app_id: str, *, lifetime: timedelta) -> str | None:
        if self._get(app_id, "lock"):
            return None
        key = secrets.token_hex(16)
        self._set(app_id, "lock", key.encode(), lifetime)
        return key

    async def unlock(self, app_id: str, key: str) -> None:
        entry = self._get(app_id, "lock")
        if entry and entry[0] == key.encode():
            del self._entries[app_id, "lock"]

    async def permit_force(self, app_id: str, *, gap: timedelta, per_day: int) -> Permission:
        if self._get(app_id, "force_gap"):
            return "too_soon"
        today = self._get(app_id, "forced_today")
        used = int(today[0]) if today else 0
        if used >= per_day:
            return "exhausted"
        self._set(app_id, "force_gap", b"1", gap)
        ends_at = today[1] if today else self._clock() + ONE_DAY.total_seconds()
        self._entries[app_id, "forced_today"] = (str(used + 1).encode(), ends_at)
        return "granted"

    async def close(self) -> None:
        """Nothing to do: what it holds goes with the process."""

    def _get(self, app_id: str, name: str) -> tuple[bytes, float] | None:
        entry = self._entries.get((app_id, name))
        return entry if entry and self._clock() < entry[1] else None

    def _set(self, app_id: str, name: str, value: bytes, lifetime: timedelta) -> None:
        self._entries[app_id, name] = (value, self._clock() + lifetime.total_seconds())


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"Redis: {error}") from error


async def _awaited(answer: Any) -> Any:
    # The client's types leave open whether it is the asynchronous one.
    return await answer


def _milliseconds(duration: timedelta) -> str:
    return str(int(duration.total_seconds() * 1000))
