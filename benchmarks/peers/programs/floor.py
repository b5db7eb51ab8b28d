"""As little as it takes: what the job costs where nothing is recorded and no framework helps.

Claims are made in batches, requests are written by hand on one kept-alive connection for each
receiver, and one ack settles all that are done.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import Sequence
from typing import cast

import aio_pika
import aiomysql
import uvloop
from aio_pika.abc import AbstractIncomingMessage

from benchmarks.peers.programs import job

QUEUE = "peer.floor"
PREFETCH = 500
BATCH = 200
LANES = 2
CLAIM = (
    "UPDATE tg_order_task SET status = 1, design_userid = 7, design_time = NOW() "
    "WHERE status = 0 AND order_id IN ("
)
HEARD = b'"errcode":0'


class Deliveries:
    """Orders as they come; one ack for all before which nothing is left to be done."""

    def __init__(self) -> None:
        self.came: deque[AbstractIncomingMessage] = deque()
        self.some = asyncio.Event()
        self._unsettled: deque[AbstractIncomingMessage] = deque()
        self._done: set[AbstractIncomingMessage] = set()

    async def take(self, message: AbstractIncomingMessage) -> None:
        self.came.append(message)
        self._unsettled.append(message)
        self.some.set()

    def done(self, message: AbstractIncomingMessage) -> None:
        self._done.add(message)

    async def settle(self) -> None:
        """Now and then."""
        while True:
            await asyncio.sleep(0.01)
            last = None
            while self._unsettled and self._unsettled[0] in self._done:
                last = self._unsettled.popleft()
                self._done.remove(last)
            if last is not None:
                await last.ack(multiple=True)


class Receiver(asyncio.Protocol):
    """One request after the other on one connection."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._waiting: deque[AbstractIncomingMessage] = deque()
        self._asked: AbstractIncomingMessage | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def tell(self, message: AbstractIncomingMessage) -> None:
        self._waiting.append(message)
        if self._asked is None:
            self._next()

    def data_received(self, data: bytes) -> None:
        # The sink's answer is 200 bytes, which loopback never tears apart.
        if HEARD not in data or self._asked is None:
            sys.exit(f"the sink said {data!r}")
        self._deliveries.done(self._asked)
        self._next()

    def _next(self) -> None:
        self._asked = None
        if self._waiting:
            self._asked = self._waiting.popleft()
            order_id = int(self._asked.body)
            body = json.dumps(job.body_of(order_id))
            self._transport.write(
                f"POST {job.PATH} HTTP/1.1\r\nHost: {job.host_of(order_id)}\r\n"
                f"Content-Type: application/json\r\nwebhook-id: peer-{order_id}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
                f"{body}".encode()
            )


async def work() -> None:
    deliveries = Deliveries()
    receivers = [await _receiver(number, deliveries) for number in range(job.RECEIVERS)]
    connection = await aio_pika.connect(job.amqp_url())
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=PREFETCH)
    queue = await channel.get_queue(QUEUE)
    async with (
        aiomysql.create_pool(maxsize=LANES, **job.mysql()) as pool,
        asyncio.TaskGroup() as on,
    ):
        on.create_task(deliveries.settle())
        for _ in range(LANES):
            on.create_task(_claim_and_tell(pool, deliveries, receivers))
        await queue.consume(deliveries.take)


async def _receiver(number: int, deliveries: Deliveries) -> Receiver:
    loop = asyncio.get_running_loop()
    host, port = job.host_of(number), job.sink_port()
    return (await loop.create_connection(lambda: Receiver(deliveries), host, port))[1]


async def _claim_and_tell(
    pool: aiomysql.Pool, deliveries: Deliveries, receivers: Sequence[Receiver]
) -> None:
    came = deliveries.came
    while True:
        await deliveries.some.wait()
        deliveries.some.clear()
        while came:
            batch = [came.popleft() for _ in range(min(BATCH, len(came)))]
            orders = [int(message.body) for message in batch]
            await _claim(pool, orders)
            for message, order_id in zip(batch, orders, strict=True):
                receivers[order_id % job.RECEIVERS].tell(message)


async def _claim(pool: aiomysql.Pool, orders: Sequence[int]) -> None:
    async with pool.acquire() as connection, connection.cursor() as cursor:
        if await cursor.execute(f"{CLAIM}{','.join(map(str, orders))})") != len(orders):
            sys.exit("an order was claimed before: this run is void")


async def put() -> None:
    """Rows by the batch, then as many confirms at once."""
    what, orders = job.asked()
    pool = await aiomysql.create_pool(maxsize=LANES, **job.mysql())
    async with await aio_pika.connect(job.amqp_url()) as connection:
        channel = await connection.channel()
        await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})

        async def send(order_id: int) -> None:
            body, mode = str(order_id).encode(), aio_pika.DeliveryMode.PERSISTENT
            message = aio_pika.Message(body, delivery_mode=mode)
            await channel.default_exchange.publish(message, QUEUE)

        with job.timed():
            for at in range(0, len(orders), BATCH):
                if what == "publish":
                    await _insert(pool, orders[at : at + BATCH])
                await asyncio.gather(*map(send, orders[at : at + BATCH]))
    pool.close()
    await pool.wait_closed()


async def _insert(pool: aiomysql.Pool, orders: Sequence[int]) -> None:
    rows = [(order_id, f"peer-{order_id}") for order_id in orders]
    async with pool.acquire() as connection, connection.cursor() as cursor:
        await cursor.executemany(job.INSERT, rows)


if __name__ == "__main__":
    if sys.argv[1] == "work":
        for _ in range(1, int(sys.argv[2])):
            if not os.fork():
                break
    uvloop.run(work() if sys.argv[1] == "work" else put())
