"""Dramatiq. Source: its guide, "RabbitMQ Broker" and "Best Practices"; it acks when it is done."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import Retry
from dramatiq.middleware import CurrentMessage

from benchmarks.peers.programs import blocking
from benchmarks.peers.programs.job import DELAYS_S, Refused, amqp_url

broker = RabbitmqBroker(url=amqp_url(), confirm_delivery=True)
broker.add_middleware(CurrentMessage())
dramatiq.set_broker(broker)


@dramatiq.actor(actor_name="tell", queue_name="peer-dramatiq")
def tell(order_id: int) -> None:
    blocking.do(order_id)


@dramatiq.actor(actor_name="insist", queue_name="peer-dramatiq", max_retries=len(DELAYS_S))
def insist(order_id: int) -> None:
    retries = CurrentMessage.get_current_message().options.get("retries", 0)
    try:
        blocking.insist(order_id, retries)
    except Refused as error:
        raise Retry(delay=DELAYS_S[retries] * 1000) from error


if __name__ == "__main__":
    blocking.put(tell.send, insist.send)
