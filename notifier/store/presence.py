"""Heartbeats of fleets in Redis: who is there, and gone by itself when it stops beating."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from notifier.errors import SettingsError, StoreUnavailable
from notifier.store.redis_client import redis_at

ANSWER_S = 2.0
"""A Redis that takes longer counts as away; the next beat comes soon."""


class RedisPresence:
    """Keys: `<prefix>fleets`, a set of names, and `<prefix>fleet:<name>`, the last beat."""

    def __init__(self, url: str, *, prefix: str) -> None:
        """Raises SettingsError where the URL is none of Redis."""
        self._address = _address_of(url)
        self._names_key = f"{prefix}fleets"
        self._beat_key = f"{prefix}fleet:"
        self._redis = redis_at(url, answer_s=ANSWER_S, name="presence")

    async def beat(self, name: str, body: bytes, *, lives: timedelta) -> None:
        """Say that `name` is there until `lives` is over. Raises StoreUnavailable."""
        async with self._answering(), self._redis.pipeline() as pipeline:
            pipeline.set(self._beat_key + name, body, px=lives)
            pipeline.sadd(self._names_key, name)
            await pipeline.execute()

    async def leave(self, name: str) -> None:
        """Raises StoreUnavailable."""
        async with self._answering(), self._redis.pipeline() as pipeline:
            pipeline.delete(self._beat_key + name)
            pipeline.srem(self._names_key, name)
            await pipeline.execute()

    async def everybody(self) -> dict[str, bytes]:
        """Name and last beat of all who are there. Raises StoreUnavailable."""
        async with self._answering():
            members = await self._redis.smembers(self._names_key)
            names = sorted(m.decode() if isinstance(m, bytes) else m for m in members)
            if not names:
                return {}
            bodies = await self._redis.mget([self._beat_key + name for name in names])
            beats = dict(zip(names, bodies, strict=True))
            # One that beats again in this very moment adds its name again with it.
            gone = [name for name, body in beats.items() if body is None]
            if gone:
                await self._redis.srem(self._names_key, *gone)
            return {name: body for name, body in beats.items() if isinstance(body, bytes)}

    async def aclose(self) -> None:
        await self._redis.aclose()

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            raise StoreUnavailable(
                f"Redis at {self._address} does not answer ({error}); see NOTIFIER_REDIS_URL"
            ) from error


def _address_of(url: str) -> str:
    """Without credentials."""
    try:
        parts = urlsplit(url)
        address = f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
    except ValueError as error:
        raise SettingsError(f"[redis] url (NOTIFIER_REDIS_URL): {error}") from error
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise SettingsError("[redis] url (NOTIFIER_REDIS_URL): does not begin with redis://")
    return address
