"""What every broker has to do with a message that was taken, seen from outside."""

from __future__ import annotations

import asyncio

from notifier.broker import codec
from notifier.broker.delivery import Delivery
from tests.broker.messages import NOW, Inbox, message, until
from tests.contract.benches import Bench


async def test_what_was_not_acked_is_delivered_again_and_marked(bench: Bench) -> None:
    first = bench.consumer(1)
    unacked = Inbox(acks=False)
    await first.consume(unacked, prefetch=10)
    await bench.publisher.publish(message(seq=5), delay=NOW)
    await unacked.holds(1)

    await first.close()
    again = Inbox()
    await bench.consumer(1).consume(again, prefetch=10)

    (delivery,) = await again.holds(1)
    assert delivery.redelivered
    assert again.seqs == [5]


async def test_what_was_acked_never_comes_again(bench: Bench) -> None:
    first = bench.consumer(1)
    inbox = Inbox()
    await first.consume(inbox, prefetch=10)
    await bench.publisher.publish_many([(message(seq=seq), NOW) for seq in range(20)])
    await inbox.holds(20)
    await first.close()

    again = Inbox()
    await bench.consumer(1).consume(again, prefetch=10)
    await bench.publisher.publish(message(seq=99), delay=NOW)
    await again.holds(1)

    assert again.seqs == [99]


async def test_acks_in_any_order_settle_exactly_their_messages(bench: Bench) -> None:
    first = bench.consumer(1)
    inbox = Inbox(acks=False)
    await first.consume(inbox, prefetch=100)
    await bench.publisher.publish_many([(message(seq=seq), NOW) for seq in range(30)])
    deliveries = await inbox.holds(30)
    for delivery in reversed([d for d in deliveries if codec.decode(d.body).seq % 3]):
        delivery.ack()
        delivery.ack()
    await first.close()

    again = Inbox()
    await bench.consumer(1).consume(again, prefetch=100)

    await again.holds(10)
    assert sorted(again.seqs) == [seq for seq in range(30) if seq % 3 == 0]


async def test_no_more_than_the_prefetch_is_under_way_at_once(bench: Bench) -> None:
    consumer = bench.consumer(1)
    inbox = Inbox(acks=False)
    await consumer.consume(inbox, prefetch=4)
    await bench.publisher.publish_many([(message(seq=seq), NOW) for seq in range(9)])
    await inbox.holds(4)

    inbox.deliveries[0].ack()
    await inbox.holds(5)

    other = Inbox()
    await bench.consumer(1).consume(other, prefetch=10)
    await other.holds(4)
    assert len(inbox.deliveries) == 5


async def test_a_slow_handler_does_not_hold_up_the_others(bench: Bench) -> None:
    consumer = bench.consumer(1)
    seen: list[int] = []
    go_on = asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        seen.append(codec.decode(delivery.body).seq)
        await go_on.wait()
        delivery.ack()

    await consumer.consume(handle, prefetch=10)
    await bench.publisher.publish_many([(message(seq=seq), NOW) for seq in range(5)])

    await until(lambda: len(seen) == 5)
    assert consumer.in_flight == 5
    await consumer.stop_taking()
    go_on.set()
    await consumer.idle()
    assert consumer.in_flight == 0


async def test_a_paused_consumer_takes_nothing_and_goes_on_when_resumed(bench: Bench) -> None:
    consumer = bench.consumer(1)
    inbox = Inbox()
    await consumer.consume(inbox, prefetch=10)
    await bench.publisher.publish(message(seq=1), delay=NOW)
    await inbox.holds(1)

    await consumer.pause()
    await bench.publisher.publish(message(seq=2), delay=NOW)
    other = bench.consumer(1)
    meanwhile = Inbox()
    await other.consume(meanwhile, prefetch=10)
    await meanwhile.holds(1)
    await other.close()
    await bench.publisher.publish(message(seq=3), delay=NOW)
    await consumer.resume()

    await inbox.holds(2)
    assert inbox.seqs == [1, 3]
    assert meanwhile.seqs == [2]


async def test_a_message_whose_handler_fails_comes_back_after_a_second(bench: Bench) -> None:
    consumer = bench.consumer(1)
    moments: list[float] = []
    done = asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        moments.append(asyncio.get_running_loop().time())
        if len(moments) == 1:
            raise RuntimeError("of this test")
        delivery.ack()
        done.set()

    await consumer.consume(handle, prefetch=10)
    await bench.publisher.publish(message(), delay=NOW)
    async with asyncio.timeout(10):
        await done.wait()

    assert moments[1] - moments[0] >= 1
