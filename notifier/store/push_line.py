"""The fleet's end of live push: hand a push to whichever gateway has the user, await the ack."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from uuid import UUID

from notifier.domain.push import Heard
from notifier.errors import StoreUnavailable
from notifier.store.listening import Listening
from notifier.store.live_channels import Handed, LiveChannels
from notifier.store.publishes import Publishes
from notifier.store.redis_client import redis_at

ANSWER_S = 2.0


class RedisPushLine:
    """One per process; connects on first use, and listens for acknowledgements from then on."""

    def __init__(self, url: str, *, prefix: str) -> None:
        """Raises SettingsError for a bad URL."""
        self._redis = redis_at(url, answer_s=ANSWER_S, name="push")
        self._names = LiveChannels(prefix)
        self._mine = self._names.acks(secrets.token_hex(8))
        self._publishes = Publishes(self._redis)
        self._listening = Listening(self._redis, self._take)
        self._listening.follow(self._mine)
        self._running: asyncio.Task[None] | None = None
        self._waiting: dict[UUID, asyncio.Future[None]] = {}

    async def push(self, user: str, id_: UUID, frame: bytes, *, within: timedelta) -> Heard:
        """Raises StoreUnavailable: nobody can be reached now."""
        if self._running is None:
            self._running = asyncio.create_task(self._listening.run())
        if not await self._listening.confirmed(self._mine, within_s=ANSWER_S):
            raise StoreUnavailable("Redis does not answer")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = waiter
        try:
            handed = Handed(id=id_, reply=self._mine, frame=frame)
            if not await self._publishes.publish(self._names.user(user), handed.encode()):
                return Heard.NOBODY
            async with asyncio.timeout(within.total_seconds()):
                await waiter
        except TimeoutError:
            return Heard.SILENT
        finally:
            if self._waiting.get(id_) is waiter:
                del self._waiting[id_]
        return Heard.ACKNOWLEDGED

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._redis.aclose()

    def _take(self, channel: bytes, data: bytes) -> None:
        try:
            waiter = self._waiting.get(UUID(data.decode()))
        except ValueError:
            return
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
