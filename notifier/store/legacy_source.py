"""A list or a sorted set of Redis that older programs fill; an entry is ours from one moment on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.exceptions import RedisError, ResponseError

from notifier.domain.legacy_item import Item, Way
from notifier.errors import StoreError, StoreUnavailable
from notifier.store.redis_client import redis_at

ANSWER_S = 5.0
BYTES_READ = 4096
"""Of an entry; a larger one breaks a rule in any case, and shall not fill our memory."""

# RPOPLPUSH and not LMOVE: the documents' programs run on Redis 4, and Redis 7 has it still.
_MOVE_RECORDS = """
for _ = redis.call('LLEN', KEYS[2]) + 1, tonumber(ARGV[1]) do
  if not redis.call('RPOPLPUSH', KEYS[1], KEYS[2]) then break end
end
"""
_MOVE_MEMBERS = """
local free = tonumber(ARGV[1]) - redis.call('LLEN', KEYS[2])
if free > 0 then
  local found = redis.call('ZRANGE', KEYS[1], 0, free - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    redis.call('ZREM', KEYS[1], found[i])
    redis.call('LPUSH', KEYS[2], found[i + 1] .. '\\n' .. found[i])
  end
end
"""
_READ = """
local taken = redis.call('LRANGE', KEYS[2], -ARGV[1], -1)
for i, entry in ipairs(taken) do
  taken[i] = {redis.sha1hex(entry), #entry, string.sub(entry, 1, ARGV[2])}
end
return taken
"""
_REMOVE = """
local done = {}
for _, digest in ipairs(ARGV) do done[digest] = true end
for _, entry in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if done[redis.sha1hex(entry)] then redis.call('LREM', KEYS[1], -1, entry) end
end
"""
_MOVES = {Way.ORDER: _MOVE_RECORDS, Way.REMINDER: _MOVE_MEMBERS}
_COUNTS = {Way.ORDER: "LLEN", Way.REMINDER: "ZCARD"}


class LegacySource:
    """key: what is filled. taken: the list where an entry is until it is removed.

    All processes share `taken`, so that nobody has to find out who has died: each of them also
    takes what another one took and has not removed.
    """

    def __init__(self, url: str, *, way: Way, key: str, taken: str) -> None:
        """Connects on first use. Raises SettingsError for a bad URL."""
        self._redis = redis_at(url, answer_s=ANSWER_S, name="intake", section="intake")
        self.name = key
        self._way = way
        self._taken = taken

    async def take(self, most: int) -> list[Item]:
        """The oldest first, those taken before among them; at most so many lie in `taken`.

        Raises StoreUnavailable, and StoreError where the key is of another kind.
        """
        script = _MOVES[self._way] + _READ
        async with self._answering():
            answer: Any = self._redis.eval(
                script, 2, self.name, self._taken, str(most), str(BYTES_READ)
            )
            entries = await answer
        return [self._item(*entry) for entry in reversed(entries)]

    async def remove(self, items: Sequence[Item]) -> None:
        """Raises StoreUnavailable."""
        async with self._answering():
            answer: Any = self._redis.eval(
                _REMOVE, 1, self._taken, *(item.digest for item in items)
            )
            await answer

    async def waiting(self) -> int:
        """Entries that MySQL does not have yet. Raises as `take` does."""
        async with self._answering():
            answer: Any = self._redis.eval(
                f"return redis.call('{_COUNTS[self._way]}', KEYS[1]) + redis.call('LLEN', KEYS[2])",
                2,
                self.name,
                self._taken,
            )
            return int(await answer)

    async def aclose(self) -> None:
        await self._redis.aclose()

    def _item(self, digest: bytes, size: int, entry: bytes) -> Item:
        score = ""
        if self._way is Way.REMINDER:
            start, _, entry = entry.partition(b"\n")
            score = start.decode()
            size -= len(start) + 1
        return Item(way=self._way, body=entry, size=size, digest=digest.decode(), score=score)

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        try:
            yield
        except ResponseError as error:
            raise StoreError(f"Redis, {self.name!r} of [intake]: {error}") from error
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis of [intake]: {error}") from error
