"""PUBLISH, many at once: what is said in one turn of the loop goes in one round trip."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from notifier.errors import StoreUnavailable

MOST = 500


class Publishes:
    """Implements nothing but `publish`; harmless to share by all tasks of a process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: list[tuple[bytes, bytes, asyncio.Future[int]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def publish(self, channel: bytes, data: bytes) -> int:
        """How many processes heard it. Raises StoreUnavailable: perhaps somebody did."""
        heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((channel, data, heard))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await heard

    async def _flush(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                counts = await self._send(taken)
            except (RedisError, OSError) as error:
                failure = StoreUnavailable(f"Redis: {error or type(error).__name__}")
                for _, _, heard in taken:
                    if not heard.done():
                        heard.set_exception(failure)
            else:
                for (_, _, heard), count in zip(taken, counts, strict=True):
                    if not heard.done():
                        heard.set_result(int(count))

    async def _send(self, taken: list[tuple[bytes, bytes, asyncio.Future[int]]]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for channel, data, _ in taken:
                pipeline.publish(channel, data)
            return list(await pipeline.execute())
