"""The last values of topics in Redis, a bounded number of them for a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from redis.exceptions import RedisError

from notifier.errors import StoreUnavailable
from notifier.store.live_channels import LiveChannels
from notifier.store.redis_client import redis_at

ANSWER_S = 2.0
AT_ONCE = 32
"""Commands under way; when thousands of clients subscribe together, they stand in line here."""

# ARGV: most, lifetime in ms, prefix of the values, then (topic, value) each.
_KEEP = """
local most, now = tonumber(ARGV[1]), redis.call('TIME')
local score = now[1] * 1000 + math.floor(now[2] / 1000)
for i = 4, #ARGV, 2 do
  redis.call('SET', ARGV[3] .. ARGV[i], ARGV[i + 1], 'PX', ARGV[2])
  redis.call('ZADD', KEYS[1], score, ARGV[i])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', score - ARGV[2])
local over = redis.call('ZCARD', KEYS[1]) - most
if over > 0 then
  local old = redis.call('ZPOPMIN', KEYS[1], over)
  for i = 1, #old, 2 do redis.call('DEL', ARGV[3] .. old[i]) end
end
return over
"""


class RedisTopics:
    def __init__(self, url: str, *, prefix: str, most: int, lifetime: timedelta) -> None:
        """most: topics; 0 keeps none. Raises SettingsError for a bad URL."""
        self._redis = redis_at(url, answer_s=ANSWER_S, name="topics", retries=1)
        self._names = LiveChannels(prefix)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._most = most
        self._lifetime_ms = int(lifetime.total_seconds() * 1000)

    async def publish(self, topic: str, value: bytes) -> int:
        """How many gateways heard it; they keep it. Raises StoreUnavailable."""
        try:
            async with self._places:
                heard = int(await self._redis.publish(self._names.topic(topic), value))
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis: {error}") from error
        if not heard:
            await self.keep({topic: value})
        return heard

    async def keep(self, values: Mapping[str, bytes]) -> None:
        """Raises StoreUnavailable."""
        if not values or not self._most:
            return
        prefix = self._names.last("")
        arguments: list[Any] = [self._most, self._lifetime_ms, prefix]
        for topic, value in values.items():
            arguments += [topic, value]
        try:
            answer: Any = self._redis.eval(_KEEP, 1, self._names.known_topics, *arguments)
            await answer
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis: {error}") from error

    async def last(self, topic: str) -> bytes | None:
        """Raises StoreUnavailable."""
        try:
            async with self._places:
                value: Any = await self._redis.get(self._names.last(topic))
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis: {error}") from error
        return value if isinstance(value, bytes) else None

    async def close(self) -> None:
        await self._redis.aclose()
