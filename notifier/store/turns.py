"""Whose turn it is at an endpoint that takes only so many a second; shared by all processes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

from notifier.errors import StoreUnavailable
from notifier.store.redis_client import redis_at

LONGEST_CALL_S = 1.0
MICROSECOND = timedelta(microseconds=1)

# Turns are a fixed distance apart. Whoever has to wait is given the next free one, and finds it
# again when he comes back; a turn that nobody takes is lost.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local mine = tonumber(redis.call('GET', KEYS[2]) or '-1')
if mine > now then return mine - now end
if mine >= 0 then redis.call('DEL', KEYS[2]) return 0 end
local free = tonumber(redis.call('GET', KEYS[1]) or '0')
if free < now then free = now end
local following = string.format('%.0f', free + ARGV[1])
redis.call('SET', KEYS[1], following, 'PX', math.ceil((free + ARGV[1] - now) / 1000) + 1000)
if free == now then return 0 end
redis.call('SET', KEYS[2], string.format('%.0f', free), 'PX',
  math.ceil((free - now) / 1000) + 3600000)
return free - now
"""


class RedisTurns:
    """Keys `<prefix>turn:<endpoint>`, and `<prefix>turn:<endpoint>:<id>` for who waits."""

    def __init__(self, url: str, *, prefix: str) -> None:
        """Connects on first use. Raises SettingsError for a bad URL."""
        self._redis = redis_at(url, answer_s=LONGEST_CALL_S, name="turns")
        self._prefix = prefix

    async def take(self, endpoint: str, *, rate_per_s: float, id_: UUID) -> timedelta:
        """Nothing: now. Else come back after so long, with the same id. Raises StoreUnavailable."""
        key = f"{self._prefix}turn:{endpoint}"
        apart_us = str(max(int(1_000_000 / rate_per_s), 1))
        try:
            answer: Any = self._redis.eval(_TAKE, 2, key, f"{key}:{id_}", apart_us)
            return int(await answer) * MICROSECOND
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis: {error}") from error

    async def close(self) -> None:
        await self._redis.aclose()
