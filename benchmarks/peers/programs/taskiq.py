"""taskiq with taskiq-aio-pika. Source: its guide, "CLI" and "State and events"; the read me of
taskiq-aio-pika (qos, queues)."""

from __future__ import annotations

import os

import uvloop
from taskiq import TaskiqEvents, TaskiqState
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue

from benchmarks.peers.programs.asynchronous import Job, put
from benchmarks.peers.programs.job import DELAYS_S, Refused, amqp_url

broker = AioPikaBroker(
    amqp_url(),
    qos=int(os.environ.get("PEERS_PREFETCH", "10")),
    exchange=Exchange(name="peer.taskiq"),
    task_queues=[Queue(name="peer.taskiq")],
    delayed_message_exchange_plugin=True,
)
job = Job(connections=10)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_job(_: TaskiqState) -> None:
    await job.open()


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_job(_: TaskiqState) -> None:
    await job.close()


@broker.task(task_name="tell")
async def tell(order_id: int) -> None:
    await job.do(order_id)


@broker.task(task_name="insist")
async def insist(order_id: int, retries: int = 0) -> None:
    try:
        await job.insist(order_id, retries)
    except Refused:
        later = insist.kicker().with_labels(delay=DELAYS_S[retries])
        await later.kiq(order_id, retries + 1)


async def main() -> None:
    await broker.startup()
    await put(job, tell.kiq, insist.kiq)
    await broker.shutdown()


if __name__ == "__main__":
    uvloop.run(main())
