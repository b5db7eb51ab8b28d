"""Whether anybody is there who would tell."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from time import monotonic

from notifier.errors import NotifierError, StoreUnavailable
from notifier.settings import Settings
from notifier.store.presence import RedisPresence

HEARTBEAT_WITHIN_S = 4.0
"""A fleet that was started just now beats for the first time."""
LOOK_EVERY_S = 0.2


class NobodyConsumes(NotifierError):
    """There is no fleet, or it tells nobody."""


async def need_a_fleet(settings: Settings) -> None:
    """Raises NobodyConsumes where no fleet's heart beats; a Redis that is away tells nothing."""
    url, prefix = settings.redis.url.get_secret_value(), settings.redis.prefix
    until = monotonic() + HEARTBEAT_WITHIN_S
    async with aclosing(RedisPresence(url, prefix=prefix)) as presence:
        try:
            while not await presence.everybody():
                if monotonic() > until:
                    raise NobodyConsumes(
                        "no fleet is consuming (no heartbeat in Redis), nothing was published: "
                        "start `notifier run-consumers`"
                    )
                await asyncio.sleep(LOOK_EVERY_S)
        except StoreUnavailable:
            return
