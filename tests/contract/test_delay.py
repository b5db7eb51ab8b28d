"""What every delay mechanism has to do, seen from outside."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from notifier.broker import codec
from notifier.errors import InvalidInput
from tests.broker.messages import NOW, Inbox, message
from tests.contract.benches import Bench

LATE_S = 0.5
"""The tests share two cores with four servers; `notifier loadtest` measures the real lateness."""


def ms(milliseconds: int) -> timedelta:
    return timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize("delay_ms", [1, 99, 100, 1000, 1234, 1500])
async def test_a_message_comes_not_before_its_delay_and_soon_after_or_is_refused(
    bench: Bench, delay_ms: int
) -> None:
    if not bench.publisher.can_hold(ms(delay_ms)):
        await expect_refused(bench, ms(delay_ms))
        return
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


async def expect_refused(bench: Bench, delay: timedelta) -> None:
    """Before anything is published, also of those that could be held."""
    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)

    with pytest.raises(InvalidInput, match="delay"):
        await bench.publisher.publish(message(), delay=delay)
    with pytest.raises(InvalidInput, match="delay"):
        await bench.publisher.publish_many([(message(seq=1), NOW), (message(), delay)])

    await bench.publisher.publish(message(seq=2), delay=NOW)
    await inbox.holds(1)
    assert inbox.seqs == [2]


@pytest.mark.parametrize("delay", [NOW, -ms(5000)])
async def test_no_delay_and_a_moment_in_the_past_mean_now(bench: Bench, delay: timedelta) -> None:
    assert bench.publisher.can_hold(delay)
    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)

    published_at = asyncio.get_running_loop().time()
    await bench.publisher.publish(message(), delay=delay)
    await inbox.holds(1)

    assert inbox.moments[0] - published_at <= LATE_S


async def test_mixed_delays_come_in_the_order_of_their_due_times(bench: Bench) -> None:
    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)
    await bench.consumer(3).consume(inbox, prefetch=10)
    asked_ms = [2400, 1200, 3000, 1234, 1000, 1800, 2111]
    delays_ms = [delay_ms for delay_ms in asked_ms if bench.publisher.can_hold(ms(delay_ms))]
    assert len(delays_ms) >= 2

    for delay_ms in delays_ms:
        await bench.publisher.publish(message(seq=delay_ms), delay=ms(delay_ms))
    await inbox.holds(len(delays_ms))

    # Published one after the other, so 1234 ms, published later, is due after 1200 ms for certain.
    assert inbox.seqs == sorted(delays_ms)


async def test_a_fraction_of_a_millisecond_is_rounded_up(bench: Bench) -> None:
    if not bench.publisher.can_hold(ms(21)):
        assert bench.publisher.can_hold(ms(1000) - timedelta(microseconds=999))
        assert not bench.publisher.can_hold(ms(1000) + timedelta(microseconds=1))
        return
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
            (message(tier=1, seq=1), bench.short(1)),
            (message(tier=3, seq=3), bench.short(3)),
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

    await bench.publisher.publish(published, delay=bench.short(1))

    (delivery,) = await inbox.holds(1)
    assert codec.decode(delivery.body) == published
    assert delivery.headers["x-notifier-attempt"] == 1
    assert not delivery.redelivered


async def test_what_is_confirmed_is_held_while_nobody_consumes(bench: Bench) -> None:
    gone = bench.consumer(1)
    await gone.consume(Inbox(), prefetch=10)
    await gone.close()
    await bench.publisher.publish_many([(message(seq=seq), bench.short(1)) for seq in range(50)])

    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)

    await inbox.holds(50)
    assert sorted(inbox.seqs) == list(range(50))


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


async def test_a_dead_message_goes_nowhere_else_whatever_its_headers_say(bench: Bench) -> None:
    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)
    queue = bench.topology.queue_of(1)

    await bench.publisher.publish_dead(b"?", {"CC": [queue], "BCC": [queue]}, "no JSON")
    await bench.publisher.publish(message(seq=1), delay=NOW)

    (delivery,) = await inbox.holds(1)
    assert delivery.body != b"?"
    assert len(await bench.dead()) == 1


async def test_a_delay_that_is_too_long_for_any_mechanism_is_refused(bench: Bench) -> None:
    longest = ms(2**32 - 1)
    assert not bench.publisher.can_hold(longest + ms(1))

    await expect_refused(bench, longest + ms(1))


async def test_applying_the_topology_again_loses_nothing(bench: Bench) -> None:
    await bench.publisher.publish(message(seq=1), delay=bench.short(1))
    await bench.publisher.publish(message(seq=2), delay=NOW)

    await bench.apply_again()

    inbox = Inbox()
    await bench.consumer(1).consume(inbox, prefetch=10)
    await inbox.holds(2)
    assert sorted(inbox.seqs) == [1, 2]
