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
# again when he comes back; a turn that nobody takes is lost. Who comes late meets those who are on
# time: then the latest turns taken (KEYS[3], the newest first) tell who has to wait a little more,
# so that no second, wherever it begins, has more than it should.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local apart, most, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local oldest = tonumber(redis.call('LINDEX', KEYS[3], most - 1) or '-1')
local room = oldest < 0 and now or math.max(oldest + window, now)

local function take()
  redis.call('LPUSH', KEYS[3], string.format('%.0f', now))
  redis.call('LTRIM', KEYS[3], 0, most - 1)
  redis.call('PEXPIRE', KEYS[3], math.ceil(window / 1000) + 1000)
  return 0
end

local function keep(moment)
  redis.call('SET', KEYS[2], string.format('%.0f', moment), 'PX',
    math.ceil((moment - now) / 1000) + 3600000)
  return moment - now
end

local mine = tonumber(redis.call('GET', KEYS[2]) or '-1')
if mine > now then return mine - now end
if mine >= 0 then
  if room > now then return keep(room) end
  redis.call('DEL', KEYS[2])
  return take()
end
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), room)
local following = free + apart
redis.call('SET', KEYS[1], string.format('%.0f', following), 'PX',
  math.ceil((following - now) / 1000) + 1000)
if free == now then return take() end
return keep(free)
"""


class RedisTurns:
    """Keys `<prefix>turn:<endpoint>`, `…:<id>` for who waits, `…:taken` for the latest."""

    def __init__(self, url: str, *, prefix: str) -> None:
        """Connects on first use. Raises SettingsError for a bad URL."""
        self._redis = redis_at(url, answer_s=LONGEST_CALL_S, name="turns")
        self._prefix = prefix

    async def take(self, endpoint: str, *, rate_per_s: float, id_: UUID) -> timedelta:
        """Nothing: now. Else come back after so long, with the same id. Raises StoreUnavailable."""
        key = f"{self._prefix}turn:{endpoint}"
        most = max(int(rate_per_s), 1)
        limits = [max(int(1_000_000 * calls / rate_per_s), 1) for calls in (1, most)]
        keys = (key, f"{key}:{id_}", f"{key}:taken")
        try:
            answer: Any = self._redis.eval(
                _TAKE, len(keys), *keys, str(limits[0]), str(most), str(limits[1])
            )
            return int(await answer) * MICROSECOND
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis: {error}") from error

    async def close(self) -> None:
        await self._redis.aclose()
