"""FastStream. Source: its guide, "RabbitMQ: acknowledgement", "Lifespan" and "CLI" (workers)."""

from __future__ import annotations

import os

import uvloop
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue

from benchmarks.peers.programs.asynchronous import Job, put
from benchmarks.peers.programs.job import amqp_url

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


async def main() -> None:
    async with RabbitBroker(amqp_url()) as publishing:
        await publishing.declare_queue(QUEUE)

        async def send(order_id: int) -> None:
            await publishing.publish(order_id, QUEUE, persist=True)

        await put(job, send)


if __name__ == "__main__":
    uvloop.run(main())
