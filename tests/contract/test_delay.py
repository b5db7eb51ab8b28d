"""What every delay mechanism has to do, seen from outside."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from notifier.broker import codec
from notifier.broker.delivery import Delivery
from notifier.errors import InvalidInput
from tests.broker.messages import NOW, Inbox, message, until
from tests.contract.benches import Bench

LATE_S = 0.5
"""The tests share two cores with four servers; `notifier loadtest` measures the real lateness."""


def ms(milliseconds: int) -> timedelta:
    return timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize("delay_ms", [1, 99, 100, 1234, 1500])
async def test_a_message_comes_not_before_its_delay_and_soon_after(
    bench: Bench, delay_ms: int
) -> None:
    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)
    # The first use of a delay may create what holds it; lateness is counted from the second.
    await bench.publisher.publish(message(), delay=ms(delay_ms))
    await inbox.holds(1)

    published_at = asyncio.get_running_loop().time()
    await bench.publisher.publish(message(seq=1), delay=ms(delay_ms))
    await inbox.holds(2)

    # uvloop counts in whole milliseconds, of which floats are no exact multiples.
    waited_s = round(inbox.moments[1] - published_at, 6)
    assert delay_ms / 1000 <= waited_s <= delay_ms / 1000 + LATE_S


@pytest.mark.parametrize("delay", [NOW, -ms(5000)])
async def test_no_delay_and_a_moment_in_the_past_mean_now(bench: Bench, delay: timedelta) -> None:
    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)

    published_at = asyncio.get_running_loop().time()
    await bench.publisher.publish(message(), delay=delay)
    await inbox.holds(1)

    assert inbox.moments[0] - published_at <= LATE_S


async def test_mixed_delays_come_in_the_order_of_their_due_times(bench: Bench) -> None:
    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)
    delays_ms = [2400, 1200, 3000, 1234, 1800, 2111]

    for delay_ms in delays_ms:
        await bench.publisher.publish(message(seq=delay_ms), delay=ms(delay_ms))
    await inbox.holds(len(delays_ms))

    # Published one after the other, so 1234 ms, published later, is due after 1200 ms for certain.
    assert inbox.seqs == sorted(delays_ms)


async def test_a_fraction_of_a_millisecond_is_rounded_up(bench: Bench) -> None:
    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)

    await bench.publisher.publish(message(), delay=timedelta(microseconds=20_001))

    (delivery,) = await inbox.holds(1)
    assert abs(int(delivery.headers["x-delay"])) == 21


async def test_each_message_comes_to_the_queue_of_its_tier_only(bench: Bench) -> None:
    first, third = Inbox(), Inbox()
    await bench.consumer(1).consume(first, prefetch=10)
    await bench.consumer(3).consume(third, prefetch=10)

    await bench.publisher.publish_many(
        [
            (message(tier=1, seq=1), ms(50)),
            (message(tier=3, seq=3), ms(50)),
            (message(tier=1, seq=11), NOW),
            (message(tier=3, seq=33), NOW),
        ]
    )
    await first.holds(2)
    await third.holds(2)

    assert sorted(first.seqs) == [1, 11]
    assert sorted(third.seqs) == [3, 33]


async def test_the_message_comes_as_it_was_published_with_fresh_headers(bench: Bench) -> None:
    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)
    published = message(seq=7)

    await bench.publisher.publish(published, delay=ms(30))

    (delivery,) = await inbox.holds(1)
    assert codec.decode(delivery.body) == published
    assert delivery.headers["x-notifier-attempt"] == 1
    assert not delivery.redelivered


async def test_what_is_confirmed_is_held_while_nobody_consumes(bench: Bench) -> None:
    gone = bench.consumer(1)
    await gone.consume(Inbox(), prefetch=10)
    await gone.close()
    await bench.publisher.publish_many([(message(seq=seq), ms(seq * 5)) for seq in range(50)])

    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)

    await inbox.holds(50)
    assert sorted(inbox.seqs) == list(range(50))


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


async def test_bytes_that_we_cannot_read_can_be_postponed_as_they_are(bench: Bench) -> None:
    inbox = Inbox()
    await bench.consumer(3).consume(inbox, prefetch=10)
    body = b'{"v":2,"new":"field"}' + b" " * 200_000

    published_at = asyncio.get_running_loop().time()
    await bench.publisher.postpone(body, tier=3, delay=ms(300))

    (delivery,) = await inbox.holds(1)
    assert delivery.body == body
    assert round(inbox.moments[0] - published_at, 6) >= 0.3


async def test_the_dead_queue_keeps_the_bytes_and_the_reason(bench: Bench) -> None:
    body = b"\x00\xffno JSON at all\n"

    await bench.publisher.publish_dead(
        body, {"x-delay": -1000, "x-death": [{"count": 2}], "shop": "7"}, "body: is no JSON"
    )

    ((kept, headers),) = await bench.dead()
    assert kept == body
    # Quorum queues add a header of their own to what they deliver.
    ours = {name: value for name, value in headers.items() if name != "x-delivery-count"}
    assert ours == {"shop": "7", "x-notifier-reason": "body: is no JSON"}


async def test_a_delay_longer_than_the_exchange_can_hold_is_refused(bench: Bench) -> None:
    longest = ms(2**32 - 1)
    assert bench.publisher.can_hold(longest)
    assert not bench.publisher.can_hold(longest + ms(1))

    with pytest.raises(InvalidInput, match="delay"):
        await bench.publisher.publish(message(), delay=longest + ms(1))


async def test_applying_the_topology_again_loses_nothing(bench: Bench) -> None:
    await bench.publisher.publish(message(seq=1), delay=ms(200))
    await bench.publisher.publish(message(seq=2), delay=NOW)

    await bench.apply_again()

    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)
    await inbox.holds(2)
    assert sorted(inbox.seqs) == [1, 2]
