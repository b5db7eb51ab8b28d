"""Dead-letter workers that RabbitMQ loses while leaders change are started again."""

from __future__ import annotations

import time

from tests.cluster.nodes import Cluster
from tests.cluster.rig import Consumer, Publisher, declare
from tests.exchange.broker_shell import evaluate_at

DELAY_MS = 20_000
DUE_S = DELAY_MS / 1_000

# What a booting node does that becomes the leader behind its gate and is deposed there: its worker
# starts late, takes the messages from the new leader's, and is ended as the worker of no leader.
STEAL = """
    {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"notifier">>, queue, <<"QUEUE">>)),
    {Queue, _} = amqqueue:get_pid(Q),
    [Booting | _] = nodes(),
    ok = rpc:call(Booting, sys, suspend, [rabbit_fifo_dlx_sup]),
    ok = ra:transfer_leadership({Queue, node()}, {Queue, Booting}),
    timer:sleep(1500),
    ok = ra:trigger_election({Queue, node()}, 2000),
    timer:sleep(1500),
    {ok, _, {_, Leader}} = ra:members({Queue, node()}, 2000),
    ok = rpc:call(Booting, sys, resume, [rabbit_fifo_dlx_sup]),
    Leader =/= Booting.
"""


async def test_a_late_worker_that_takes_the_messages_and_ends_stops_nothing(
    cluster: Cluster, name: str
) -> None:
    survivor = cluster.nodes[0]
    work_queue = await declare(survivor, name)
    async with Publisher.at(survivor, name) as publisher:
        await publisher.publish_all([b"%d" % number for number in range(10)], DELAY_MS)
    held_s = time.monotonic()
    steal = STEAL.replace("QUEUE", f"{name}.final.{DELAY_MS}")
    assert await evaluate_at(survivor.server, steal) == "true"
    assert time.monotonic() - held_s < DUE_S, "nothing may be due before the worker is gone"
    consumer = Consumer(queue=work_queue)
    async with consumer.at(survivor):
        await consumer.wait_for_all(publisher.sent.keys())


async def test_a_supervisor_of_workers_that_gave_up_is_started_again(
    cluster: Cluster, name: str
) -> None:
    survivor = cluster.nodes[0]
    work_queue = await declare(survivor, name)
    async with Publisher.at(survivor, name) as publisher:
        await publisher.publish(b"held", DELAY_MS)
    gone = "supervisor:terminate_child(rabbit_sup, rabbit_fifo_dlx_sup)."
    assert await evaluate_at(survivor.server, gone) == "ok"
    consumer = Consumer(queue=work_queue)
    async with consumer.at(survivor):
        await consumer.wait_for_all(publisher.sent.keys())
