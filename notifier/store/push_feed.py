"""A gateway's end of live push: what the fleets hand over, and what topics say."""

from __future__ import annotations

import asyncio
from typing import Protocol
from uuid import UUID

import structlog

from notifier.store.listening import Listening
from notifier.store.live_channels import Handed, LiveChannels, decode_handed
from notifier.store.publishes import Publishes
from notifier.store.redis_client import redis_at

log = structlog.get_logger(__name__)

ANSWER_S = 2.0


class Hearer(Protocol):
    """Called in the turn in which a message comes; none of it may block or raise."""

    def pushed(self, user: str, handed: Handed) -> None: ...

    def said(self, topic: str, value: bytes) -> None: ...

    def asked(self, reply: bytes, most: int) -> None:
        """Somebody wants to know who is connected; `tell` it, with a list of so many."""
        ...

    def returned(self) -> None:
        """Redis was away."""
        ...


class RedisFeed:
    """One per gateway process: one subscription to all topics, and one for each user who is here.

    Every method raises StoreUnavailable, where it can.
    """

    def __init__(self, url: str, *, prefix: str, hearer: Hearer) -> None:
        """Raises SettingsError for a bad URL."""
        self._redis = redis_at(url, answer_s=ANSWER_S, name="live")
        self._names = LiveChannels(prefix)
        self._hearer = hearer
        self._publishes = Publishes(self._redis)
        self._listening = Listening(self._redis, self._take, returned=hearer.returned)
        self._listening.follow(self._names.gateways)
        self._listening.follow_all(self._names.every_topic)

    @property
    def is_up(self) -> bool:
        return self._listening.is_up

    def follow(self, user: str) -> None:
        self._listening.follow(self._names.user(user))

    def leave(self, user: str) -> None:
        self._listening.leave(self._names.user(user))

    async def follows(self, user: str) -> bool:
        """Whether what is pushed to the user from now on comes here."""
        return await self._listening.confirmed(self._names.user(user), within_s=ANSWER_S)

    async def is_ready(self) -> bool:
        return await self._listening.confirmed(self._names.every_topic, within_s=ANSWER_S)

    async def acknowledge(self, reply: bytes, id_: UUID) -> bool:
        """Whether the fleet's process still listens there."""
        return bool(await self._publishes.publish(reply, str(id_).encode()))

    async def tell(self, reply: bytes, answer: bytes) -> None:
        await self._publishes.publish(reply, answer)

    async def run(self) -> None:
        await self._listening.run()

    async def close(self) -> None:
        await self._redis.aclose()

    def _take(self, channel: bytes, data: bytes) -> None:
        users, topics = self._names.users, self._names.topics
        try:
            if channel.startswith(users):
                self._hearer.pushed(channel[len(users) :].decode(), decode_handed(data))
            elif channel.startswith(topics):
                self._hearer.said(channel[len(topics) :].decode(), data)
            elif channel == self._names.gateways:
                asker, _, most = data.decode().partition(" ")
                self._hearer.asked(self._names.answers(asker), int(most))
        except ValueError:
            log.warning("live.unreadable", channel=repr(channel[:80]), size=len(data))


async def ask_gateways(
    url: str, *, prefix: str, asker: str, most: int, within_s: float
) -> list[bytes]:
    """What each gateway says of its clients; all of them, or those who answered in time.

    asker: letters and digits that nobody else uses. most: clients that each lists; 0 for none.
    Raises StoreUnavailable, SettingsError.
    """
    answers: list[bytes] = []
    answered = asyncio.Semaphore(0)

    def take(channel: bytes, data: bytes) -> None:
        answers.append(data)
        answered.release()

    redis = redis_at(url, answer_s=ANSWER_S, name="clients")
    names = LiveChannels(prefix)
    listening = Listening(redis, take)
    listening.follow(names.answers(asker))
    running = asyncio.create_task(listening.run())
    try:
        await listening.confirmed(names.answers(asker), within_s=within_s)
        expected = await Publishes(redis).publish(names.gateways, f"{asker} {most}".encode())
        async with asyncio.timeout(within_s):
            for _ in range(expected):
                await answered.acquire()
    except TimeoutError:
        log.warning("live.gateways_silent", answered=len(answers))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await redis.aclose()
    return answers
