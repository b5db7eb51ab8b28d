"""Celery. Source: its user guide, "Tasks" (acks_late, ignore_result) and "Optimizing"."""

from __future__ import annotations

import os

from celery import Celery, Task

from benchmarks.peers.programs import blocking
from benchmarks.peers.programs.job import DELAYS_S, Refused, amqp_url

app = Celery("peers", broker=amqp_url())
app.conf.update(
    task_default_queue="peer.celery",
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=int(os.environ.get("PEERS_PREFETCH", "4")),
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)


@app.task(name="tell")
def tell(order_id: int) -> None:
    blocking.do(order_id)


@app.task(name="insist", bind=True, max_retries=len(DELAYS_S))
def insist(self: Task, order_id: int) -> None:
    retries = self.request.retries
    try:
        blocking.insist(order_id, retries)
    except Refused as error:
        raise self.retry(exc=error, countdown=DELAYS_S[retries]) from error


if __name__ == "__main__":
    blocking.put(tell.delay, insist.delay)
