"""As little as it takes: what the job costs where nothing is recorded and no framework helps.

Claims are made in batches, requests are written by hand on one kept-alive connection for each
receiver, and one ack settles all that are done.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import aiomysql
import aiormq
import uvloop
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp import commands as spec

from benchmarks.peers.programs import job
from benchmarks.peers.programs.asynchronous import each

QUEUE = "peer.floor"
PREFETCH = 500
BATCH = 200
LANES = 2
CLAIM = (
    "UPDATE tg_order_task SET status = 1, design_userid = 7, design_time = NOW() "
    "WHERE status = 0 AND order_id IN ("
)
HEARD = b'"errcode":0'


class Deliveries(Channel):
    """Orders as they come, without a task for each; acked when all before them are done."""

    def begin(self) -> None:
        self.came: deque[tuple[int, int]] = deque()
        self.some = asyncio.Event()
        self._done: set[int] = set()
        self._acked = 0

    async def _on_deliver_frame(self, frame: spec.Basic.Deliver) -> None:
        message = await self._read_content(frame, cast(Any, await self._get_frame()))
        self.came.append((message.delivery_tag or 0, int(message.body)))
        self.some.set()

    def done(self, tag: int) -> None:
        self._done.add(tag)

    async def settle(self) -> None:
        """Now and then: one ack for all that can be."""
        while True:
            await asyncio.sleep(0.01)
            upto = self._acked
            while upto + 1 in self._done:
                upto += 1
                self._done.remove(upto)
            if upto > self._acked:
                self._acked = upto
                await self.basic_ack(upto, multiple=True)


class Receiver(asyncio.Protocol):
    """One request after the other on one connection."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._waiting: deque[tuple[int, int]] = deque()
        self._asked: int | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def tell(self, tag: int, order_id: int) -> None:
        self._waiting.append((tag, order_id))
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
            self._asked, order_id = self._waiting.popleft()
            body = json.dumps(job.body_of(order_id))
            self._transport.write(
                f"POST {job.target_of(order_id)} HTTP/1.1\r\nHost: {job.host_of(order_id)}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                f"{body}".encode()
            )


async def work() -> None:
    connection = await aiormq.connect(job.amqp_url())
    channel = Deliveries(connection, 1, publisher_confirms=False)
    channel.begin()
    connection.channels[1] = channel
    await channel.open()
    receivers = [await _receiver(number, channel) for number in range(job.RECEIVERS)]
    await channel.basic_qos(prefetch_count=PREFETCH)
    await channel.basic_consume(QUEUE, _unused)
    async with (
        aiomysql.create_pool(maxsize=LANES, **job.mysql()) as pool,
        asyncio.TaskGroup() as on,
    ):
        on.create_task(channel.settle())
        for _ in range(LANES):
            on.create_task(_claim_and_tell(pool, channel, receivers))


async def _receiver(number: int, channel: Deliveries) -> Receiver:
    loop = asyncio.get_running_loop()
    host, port = job.host_of(number), job.sink_port()
    return (await loop.create_connection(lambda: Receiver(channel), host, port))[1]


async def _claim_and_tell(
    pool: aiomysql.Pool, channel: Deliveries, receivers: Sequence[Receiver]
) -> None:
    while True:
        await channel.some.wait()
        channel.some.clear()
        while channel.came:
            batch = [channel.came.popleft() for _ in range(min(BATCH, len(channel.came)))]
            await _claim(pool, [order_id for _, order_id in batch])
            for tag, order_id in batch:
                receivers[order_id % job.RECEIVERS].tell(tag, order_id)


async def _claim(pool: aiomysql.Pool, orders: Sequence[int]) -> None:
    async with pool.acquire() as connection, connection.cursor() as cursor:
        if await cursor.execute(f"{CLAIM}{','.join(map(str, orders))})") != len(orders):
            sys.exit("an order was claimed before: this run is void")


async def fill(orders: range) -> None:
    connection = await aiormq.connect(job.amqp_url())
    channel = await connection.channel()
    await channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    persistent = spec.Basic.Properties(delivery_mode=2)

    async def put(order_id: int) -> None:
        body = str(order_id).encode()
        await channel.basic_publish(body, routing_key=QUEUE, properties=persistent)

    await each(orders, put)
    await connection.close()


async def _unused(_: DeliveredMessage) -> None:
    """aiormq wants a callback; Deliveries takes them earlier."""


if __name__ == "__main__":
    uvloop.run(work() if sys.argv[1:] == ["work"] else fill(job.asked()))
