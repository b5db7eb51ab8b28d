"""The job for peers that run coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiohttp
import aiomysql

from benchmarks.peers.programs.job import (
    CLAIM,
    INSERT,
    Refused,
    asked,
    body_of,
    headers_of,
    mysql,
    timed,
    url_of,
)

IN_FLIGHT = 100


class Job:
    """Connected by `open`."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._pool: Any = None
        self._http: aiohttp.ClientSession

    async def open(self) -> None:
        self._pool = await aiomysql.create_pool(maxsize=self._connections, **mysql())
        self._http = aiohttp.ClientSession()

    async def close(self) -> None:
        await self._http.close()
        self._pool.close()
        await self._pool.wait_closed()

    async def do(self, order_id: int) -> None:
        async with self._pool.acquire() as connection, connection.cursor() as cursor:
            claimed = await cursor.execute(CLAIM, [order_id])
        if claimed:
            await self.tell(order_id)

    async def insist(self, order_id: int, retries: int) -> None:
        """The same, of which only telling is tried again. Raises Refused."""
        await (self.tell(order_id) if retries else self.do(order_id))

    async def tell(self, order_id: int) -> None:
        """Raises Refused."""
        body, headers = body_of(order_id), headers_of(order_id)
        async with self._http.post(url_of(order_id), json=body, headers=headers) as answer:
            if answer.status != 200 or (await answer.json())["errcode"] != 0:
                raise Refused(order_id)

    async def insert(self, order_id: int) -> None:
        async with self._pool.acquire() as connection, connection.cursor() as cursor:
            await cursor.execute(INSERT, [order_id, f"peer-{order_id}"])


Send = Callable[[int], Awaitable[object]]


async def put(job: Job, send: Send, insist: Send | None = None) -> None:
    """Do what the command line wants. insist: None where a peer cannot."""
    what, orders = asked()

    async def publish(order_id: int) -> None:
        await job.insert(order_id)
        await send(order_id)

    await job.open()
    with timed():
        await each(orders, {"fill": send, "insist": insist or send, "publish": publish}[what])
    await job.close()


async def each(orders: Iterable[int], put: Callable[[int], Awaitable[object]]) -> None:
    """Put all of them, some at once."""
    waiting = iter(orders)

    async def lane() -> None:
        for order_id in waiting:
            await put(order_id)

    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
