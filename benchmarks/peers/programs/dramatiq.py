"""Dramatiq. Source: its guide, "RabbitMQ Broker" and "Best Practices"; it acks when it is done."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from benchmarks.peers.programs import blocking
from benchmarks.peers.programs.job import amqp_url

broker = RabbitmqBroker(url=amqp_url(), confirm_delivery=True)
dramatiq.set_broker(broker)


@dramatiq.actor(actor_name="tell", queue_name="peer-dramatiq")
def tell(order_id: int) -> None:
    blocking.do(order_id)


if __name__ == "__main__":
    blocking.put(tell.send)
