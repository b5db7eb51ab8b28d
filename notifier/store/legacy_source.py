"""A list or a sorted set of Redis that older programs fill; an entry is ours from one moment on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.exceptions import RedisError, ResponseError

from notifier.domain.legacy_item import Item, Way
from notifier.errors import StoreError, StoreUnavailable
from notifier.store.redis_client import redis_at

ANSWER_S = 5.0
AT_ONCE = 100
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
_FIND = """
local found = {}
local function look(command, key, count)
  for start = 0, count - 1, 1000 do
    for _, entry in ipairs(redis.call(command, key, start, start + 999)) do
      if string.find(entry, ARGV[1], 1, true) then found[#found + 1] = entry end
    end
  end
end
look('LRANGE', KEYS[2], redis.call('LLEN', KEYS[2]))
if ARGV[2] == 'LLEN' then look('LRANGE', KEYS[1], redis.call('LLEN', KEYS[1]))
else look('ZRANGE', KEYS[1], redis.call('ZCARD', KEYS[1])) end
return found
"""
_FORGET = """
local gone = 0
for _, entry in ipairs(ARGV) do
  gone = gone + redis.call('LREM', KEYS[2], 0, entry)
  if redis.call('TYPE', KEYS[1]).ok == 'zset' then
    gone = gone + redis.call('ZREM', KEYS[1], entry)
  else
    gone = gone + redis.call('LREM', KEYS[1], 0, entry)
  end
end
return gone
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

    async def forget(self, text: str, *, is_meant: Callable[[str], bool]) -> int:
        """Remove what has the text in it and is meant; how many entries. Raises as `take` does."""
        async with self._answering():
            found: Any = self._redis.eval(
                _FIND, 2, self.name, self._taken, text.encode(), _COUNTS[self._way]
            )
            entries = [entry for entry in await found if is_meant(entry.decode(errors="replace"))]
            gone = 0
            for start in range(0, len(entries), AT_ONCE):
                answer: Any = self._redis.eval(
                    _FORGET, 2, self.name, self._taken, *entries[start : start + AT_ONCE]
                )
                gone += int(await answer)
        return gone

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
