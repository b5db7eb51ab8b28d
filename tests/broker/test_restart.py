from __future__ import annotations

import asyncio
from datetime import timedelta

from notifier.broker.connection import Link, Server, connect
from notifier.broker.consumer import Consumer
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.publisher import Publisher
from notifier.broker.topology import Topology
from notifier.stack import Stack
from tests.broker.messages import NOW, Inbox, message, until


async def test_a_killed_broker_loses_nothing_confirmed_and_everybody_comes_back(
    stack: Stack, server: Server, link: Link, topology: Topology
) -> None:
    consuming = await connect(server, name="test consume")
    publisher = await Publisher.open(link, topology, ExchangeDelay(topology))
    inbox = Inbox()
    await Consumer(consuming, topology.queue_of(1)).consume(inbox, prefetch=100)
    await publisher.publish_many([(message(seq=seq), timedelta(seconds=2)) for seq in range(500)])

    await asyncio.to_thread(stack.rabbitmq.kill)
    await until(lambda: not link.is_up and not consuming.is_up)
    await asyncio.to_thread(stack.rabbitmq.start)
    await until(lambda: link.is_up and consuming.is_up, within_s=30)
    await publisher.publish(message(seq=500), delay=NOW)

    await inbox.holds(501, within_s=30)
    assert sorted(set(inbox.seqs)) == list(range(501))
    await consuming.close()
