"""FastStream. Source: its guide, "RabbitMQ: acknowledgement", "Lifespan" and "CLI" (workers)."""

from __future__ import annotations

import asyncio
import os

from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue

from benchmarks.peers.programs.asynchronous import Job, each
from benchmarks.peers.programs.job import amqp_url, asked

QUEUE = RabbitQueue("peer.faststream", durable=True)
prefetch = int(os.environ.get("PEERS_PREFETCH", "100"))
broker = RabbitBroker(amqp_url(), default_channel=Channel(prefetch_count=prefetch))
app = FastStream(broker)
job = Job(connections=10)
app.on_startup(job.open)
app.after_shutdown(job.close)


@broker.subscriber(QUEUE, ack_policy=AckPolicy.NACK_ON_ERROR)
async def tell(order_id: int) -> None:
    await job.do(order_id)


async def fill(orders: range) -> None:
    async with RabbitBroker(amqp_url()) as publishing:
        await publishing.declare_queue(QUEUE)

        async def put(order_id: int) -> None:
            await publishing.publish(order_id, QUEUE, persist=True)

        await each(orders, put)


if __name__ == "__main__":
    asyncio.run(fill(asked()))
