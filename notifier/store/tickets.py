"""Tickets in Redis: the digest is the key, so that reading Redis lets nobody in."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from datetime import timedelta
from typing import Any

import orjson
from redis.exceptions import RedisError

from notifier.domain.ticket import LONGEST, Ticket
from notifier.errors import StoreUnavailable
from notifier.store.live_channels import LiveChannels
from notifier.store.redis_client import redis_at

ANSWER_S = 2.0
AT_ONCE = 32
"""Commands under way; when thousands of clients come again together, they stand in line here."""


class RedisTickets:
    """Keys `<prefix>ticket:<SHA-256>` and `<prefix>stream:<SHA-256>`.

    Every method raises StoreUnavailable.
    """

    def __init__(self, url: str, *, prefix: str) -> None:
        """Raises SettingsError for a bad URL."""
        self._redis = redis_at(url, answer_s=ANSWER_S, name="tickets", retries=1)
        self._names = LiveChannels(prefix)
        self._places = asyncio.Semaphore(AT_ONCE)

    async def issue(self, ticket: Ticket, *, lives: timedelta) -> str:
        secret = secrets.token_urlsafe(24)
        body = orjson.dumps({"user": ticket.user, "topics": ticket.topics})
        await self._set(self._names.ticket(_digest(secret)), body, lives)
        return secret

    async def redeem(self, secret: str) -> Ticket | None:
        """Once; None for one that is used, too old, or never was."""
        if not secret or len(secret) > LONGEST:
            return None
        try:
            async with self._places:
                body: Any = await self._redis.getdel(self._names.ticket(_digest(secret)))
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis: {error}") from error
        if not isinstance(body, bytes):
            return None
        fields = orjson.loads(body)
        return Ticket(user=fields["user"], topics=tuple(fields["topics"]))

    async def open_stream(self, user: str, *, lives: timedelta) -> str:
        """A secret by which the holder of an SSE stream acknowledges, at any gateway."""
        secret = secrets.token_urlsafe(24)
        await self._set(self._names.stream(_digest(secret)), user.encode(), lives)
        return secret

    async def user_of_stream(self, secret: str) -> str | None:
        if not secret or len(secret) > LONGEST:
            return None
        try:
            async with self._places:
                user: Any = await self._redis.get(self._names.stream(_digest(secret)))
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis: {error}") from error
        return user.decode() if isinstance(user, bytes) else None

    async def close(self) -> None:
        await self._redis.aclose()

    async def _set(self, key: bytes, value: bytes, lives: timedelta) -> None:
        try:
            async with self._places:
                await self._redis.set(key, value, px=lives)
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis: {error}") from error


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
