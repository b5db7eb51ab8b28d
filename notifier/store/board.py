"""The board: what is due next, read from MySQL and kept in Redis for all who look at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from redis.exceptions import RedisError

from notifier.domain.board import Board, Upcoming
from notifier.domain.notification import ChannelName, Role, State
from notifier.domain.timeline import masked
from notifier.errors import StoreUnavailable
from notifier.store.mysql import Database
from notifier.store.redis_client import redis_at

LONGEST_CALL_S = 1.0
LIVES_MS = 10_000
"""A board that nobody looks at is gone by itself, and with it what it says of people."""
TURN_MS = 1_000

COLUMNS = (
    "n.id, n.due_at, n.channel, n.role, n.recipient, n.template, n.order_no, n.state, n.ladder, "
    "n.step, n.attempt, n.tier"
)
# Within a state next_sweep_at is the moment plus a constant, but for what is overdue and was
# published again; so the index that the calendar goes by finds the next ones among millions.
_NEXT_IDS = " UNION ALL ".join(
    f"(SELECT id FROM notifier_notification WHERE state = '{state}' "
    "ORDER BY next_sweep_at LIMIT %s)"
    for state in (State.SCHEDULED, State.WAITING, State.IN_FLIGHT)
)

_LOOK = f"""
local mine = redis.call('SET', KEYS[4], '1', 'NX', 'PX', {TURN_MS})
local built = redis.call('GET', KEYS[3])
if not built then return {{mine and 1 or 0, false, 0, 0, {{}}}} end
local ids = redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1)
local entries = {{}}
if #ids > 0 then entries = redis.call('HMGET', KEYS[2], unpack(ids)) end
local age = {LIVES_MS} - redis.call('PTTL', KEYS[3])
return {{mine and 1 or 0, built, age, redis.call('ZCARD', KEYS[1]), entries}}
"""


class NextDue:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, most: int) -> Board:
        """Those due first, at most so many. Raises StoreUnavailable, StoreError."""
        ids = [most + 1] * 3
        rows = await self._database.fetch(
            f"SELECT NOW(6), {COLUMNS} FROM ({_NEXT_IDS}) AS found "
            "JOIN notifier_notification n ON n.id = found.id "
            "WHERE n.state IN ('scheduled', 'waiting', 'in_flight') "
            "ORDER BY n.due_at, n.id LIMIT %s",
            [*ids, most + 1],
        )
        now = rows[0][0] if rows else (await self._database.fetch("SELECT NOW(6)"))[0][0]
        upcoming = [_upcoming(row[1:]) for row in rows[:most]]
        return Board(upcoming=upcoming, count=len(upcoming), more=len(rows) > most, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """board: None where there is none. is_my_turn: whoever asked shall bring a new one."""

    board: Board | None
    is_my_turn: bool


class RedisBoard:
    """Keys: `<prefix>due`, a sorted set of ids by their moments in ms; `<prefix>due:entries`.

    Beside them `<prefix>due:built`, when that was, and `<prefix>due:turn`, whether it was within
    the last second. All of them vanish by themselves.
    """

    def __init__(self, url: str, *, prefix: str) -> None:
        """Connects on first use. Raises SettingsError for a bad URL."""
        self._redis = redis_at(url, answer_s=LONGEST_CALL_S, name="board")
        self._due, self._entries = f"{prefix}due", f"{prefix}due:entries"
        self._built, self._turn = f"{prefix}due:built", f"{prefix}due:turn"

    async def look(self, most: int) -> Kept:
        """The first so many of what is kept. Raises StoreUnavailable."""
        keys = (self._due, self._entries, self._built, self._turn)
        async with _answering():
            answer: Any = self._redis.eval(_LOOK, len(keys), *keys, str(most))
            mine, built, age_ms, count, entries = await answer
        if not built:
            return Kept(board=None, is_my_turn=bool(mine))
        document = orjson.loads(built)
        board = Board(
            upcoming=[_decode(entry) for entry in entries if entry],
            count=count,
            more=document["more"],
            now=datetime.fromisoformat(document["now"]) + timedelta(milliseconds=age_ms),
        )
        return Kept(board=board, is_my_turn=bool(mine))

    async def replace(self, board: Board) -> None:
        """All at once: nobody sees half of it. Raises StoreUnavailable."""
        built = orjson.dumps({"now": board.now, "more": board.more})
        async with _answering(), self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(self._due, self._entries)
            if board.upcoming:
                scores = {str(one.id): one.due_at.timestamp() * 1000 for one in board.upcoming}
                entries: dict[Any, Any] = {str(one.id): orjson.dumps(one) for one in board.upcoming}
                pipeline.zadd(self._due, scores)
                pipeline.hset(self._entries, mapping=entries)
                pipeline.pexpire(self._due, LIVES_MS)
                pipeline.pexpire(self._entries, LIVES_MS)
            pipeline.set(self._built, built, px=LIVES_MS)
            await pipeline.execute()

    async def drop(self) -> None:
        """Raises StoreUnavailable."""
        async with _answering():
            await self._redis.delete(self._due, self._entries, self._built, self._turn)

    async def close(self) -> None:
        await self._redis.aclose()


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        said = str(error).rstrip(".")
        raise StoreUnavailable(f"Redis does not answer ({said}), see NOTIFIER_REDIS_URL") from error


def _upcoming(row: Sequence[Any]) -> Upcoming:
    """row: the columns of COLUMNS."""
    id_, due_at, channel, role, recipient, template, order_no, state, *place = row
    ladder, step, attempt, tier = place
    return Upcoming(
        id=UUID(bytes=id_),
        due_at=due_at,
        channel=ChannelName(channel),
        role=Role(role),
        recipient=masked(recipient),
        template=template,
        order_no=order_no,
        state=State(state),
        ladder=ladder,
        step=step,
        attempt=attempt,
        tier=tier,
    )


def _decode(entry: bytes) -> Upcoming:
    values = orjson.loads(entry)
    return Upcoming(
        **{
            **values,
            "id": UUID(values["id"]),
            "due_at": datetime.fromisoformat(values["due_at"]),
            "channel": ChannelName(values["channel"]),
            "role": Role(values["role"]),
            "state": State(values["state"]),
        }
    )
