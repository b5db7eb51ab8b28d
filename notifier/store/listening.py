"""One subscription to Redis for a whole process: channels come and go, and outages pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

SILENCE_S = 5.0
"""After so much silence Redis is asked whether it is there."""
FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 3.0
SUBSCRIBED = (b"subscribe", b"psubscribe")

Take = Callable[[bytes, bytes], None]


class Listening:
    """take: gets (channel, data) of each message; must not block, and not raise.

    returned: called when Redis is there again after it was away, all channels subscribed.
    """

    def __init__(
        self, redis: Redis, take: Take, *, returned: Callable[[], None] = lambda: None
    ) -> None:
        self._redis = redis
        self._take = take
        self._returned = returned
        self._wanted: set[bytes] = set()
        self._patterns: set[bytes] = set()
        self._confirmed: set[bytes] = set()
        self._askers: dict[bytes, list[asyncio.Future[None]]] = {}
        self._changes: dict[bytes, bool] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._pubsub: PubSub | None = None
        self._was_away = False

    @property
    def is_up(self) -> bool:
        return bool(self._confirmed)

    def follow(self, channel: bytes) -> None:
        """From soon on, and again after every outage."""
        if channel not in self._wanted:
            self._wanted.add(channel)
            self._change(channel, wanted=True)

    def follow_all(self, pattern: bytes) -> None:
        """Call it before `run`."""
        self._patterns.add(pattern)

    def leave(self, channel: bytes) -> None:
        if channel in self._wanted:
            self._wanted.discard(channel)
            self._confirmed.discard(channel)
            self._change(channel, wanted=False)

    async def confirmed(self, channel: bytes, *, within_s: float) -> bool:
        """Whether Redis has said that we follow it."""
        if channel in self._confirmed:
            return True
        asker = asyncio.get_running_loop().create_future()
        self._askers.setdefault(channel, []).append(asker)
        try:
            async with asyncio.timeout(within_s):
                await asker
        except TimeoutError:
            return False
        finally:
            if asker in (waiting := self._askers.get(channel, [])):
                waiting.remove(asker)
                if not waiting:
                    self._askers.pop(channel, None)
        return True

    async def run(self) -> None:
        """Until it is cancelled; never raises for a Redis that is away."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                if self._confirmed or not self._was_away:
                    log.warning("redis.away", error=str(error) or type(error).__name__)
                backoff_s = FIRST_BACKOFF_S if self._confirmed else backoff_s
                self._confirmed.clear()
                self._was_away = True
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)

    async def _listen(self) -> None:
        pubsub = self._redis.pubsub()
        try:
            if self._wanted:
                await pubsub.subscribe(*self._wanted)
            if self._patterns:
                await pubsub.psubscribe(*self._patterns)
            missing = self._wanted | self._patterns
            self._changes.clear()
            self._pubsub = pubsub
            while True:
                message = await _next(pubsub)
                self._hear(message, missing)
        finally:
            self._pubsub = None
            with suppress(RedisError, OSError):
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    def _hear(self, message: Sequence[Any], missing: set[bytes]) -> None:
        kind = message[0]
        if kind == b"message":
            self._take(message[1], message[2])
        elif kind == b"pmessage":
            self._take(message[2], message[3])
        elif kind in SUBSCRIBED:
            self._confirm(message[1], missing)

    def _confirm(self, channel: bytes, missing: set[bytes]) -> None:
        if channel in self._wanted or channel in self._patterns:
            self._confirmed.add(channel)
        for asker in self._askers.pop(channel, ()):
            if not asker.done():
                asker.set_result(None)
        missing.discard(channel)
        if not missing and self._was_away:
            self._was_away = False
            log.info("redis.back")
            self._returned()

    def _change(self, channel: bytes, *, wanted: bool) -> None:
        """What changes in one turn of the loop goes in one command."""
        if self._pubsub is None:
            return
        self._changes[channel] = wanted
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        while self._changes and self._pubsub is not None:
            changes, self._changes = self._changes, {}
            new = [channel for channel, wanted in changes.items() if wanted]
            old = [channel for channel, wanted in changes.items() if not wanted]
            # Where Redis is away, `run` sees it too, and subscribes to all again.
            with suppress(RedisError, OSError):
                if new:
                    await self._pubsub.subscribe(*new)
                if old and self._pubsub is not None:
                    await self._pubsub.unsubscribe(*old)


async def _next(pubsub: PubSub) -> Sequence[Any]:
    """Raises TimeoutError where Redis does not even answer a ping."""
    for _ in range(2):
        message = await pubsub.parse_response(block=False, timeout=SILENCE_S)
        if message is not None:
            return message if isinstance(message, list) else [b"pong", message]
        await pubsub.ping()
    raise TimeoutError(f"no answer for {2 * SILENCE_S:g} s")
