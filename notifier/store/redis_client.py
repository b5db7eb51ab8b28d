"""A client of Redis, as everything here opens one."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from notifier.errors import SettingsError


def redis_at(
    url: str, *, answer_s: float, name: str, section: str = "redis", retries: int = 0
) -> Redis:
    """It connects on first use and never tries twice: whoever asks knows how to go on without.

    answer_s: a command, connecting included. name: what Redis calls the connection. section: of
    the settings that has the URL. retries: 1 where nobody knows, and asking twice harms nobody: a
    connection that Redis has closed meanwhile is only found out by using it. Raises SettingsError
    for a bad URL.
    """
    try:
        client: Redis = Redis.from_url(
            url,
            socket_timeout=answer_s,
            socket_connect_timeout=answer_s,
            retry=Retry(NoBackoff(), retries),
            client_name=f"notifier-{name}",
        )
    except ValueError as error:
        raise SettingsError(f"[{section}] url: is no redis:// or rediss:// address") from error
    return client
