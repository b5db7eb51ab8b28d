"""Messages leave in the order of their due times, never early, a few milliseconds late."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Iterable

import pytest

from tests.exchange.rig import Arrival, Rig

pytestmark = pytest.mark.alone

# The broker counts in whole milliseconds of its own clock.
EARLY_MS = 1.0
# A disk that others use can take this long to sync, and every hop waits for it.
STALL_MS = 300


async def _make_ready(rig: Rig, delays_ms: Iterable[int]) -> None:
    """Use every hold queue once, with messages that nobody receives: the first use takes 10 ms."""
    await rig.publish_all([(b"", delay_ms) for delay_ms in set(delays_ms)], key="nobody")


async def _publish_due(rig: Rig, delay_ms: int) -> None:
    due_s = time.time() + delay_ms / 1000
    await rig.publish(b"%.6f" % due_s, delay_ms)


def _lateness_ms(arrivals: Iterable[Arrival]) -> list[float]:
    return sorted((arrival.at_s - float(arrival.body)) * 1000 for arrival in arrivals)


async def test_mixed_delays_leave_in_the_order_of_their_due_times(rig: Rig) -> None:
    # The longest first: each message is overtaken by all that follow.
    delays_ms = [2_400, 2_049, 1_700, 1_361, 1_001, 640, 280]
    await _make_ready(rig, delays_ms)
    for delay_ms in delays_ms:
        await _publish_due(rig, delay_ms)
    arrivals = await rig.wait_for(len(delays_ms), within_s=5)
    due_times = [float(arrival.body) for arrival in arrivals]
    assert due_times == sorted(due_times)
    lateness_ms = _lateness_ms(arrivals)
    assert lateness_ms[0] >= -EARLY_MS
    assert lateness_ms[-1] < STALL_MS


async def test_at_200_a_second_the_median_is_a_few_milliseconds_late(rig: Rig) -> None:
    rng = random.Random(2)
    delays_ms = [rng.choice((500, 600, 700, 820, 930, 1_000, 1_050)) for _ in range(400)]
    await _make_ready(rig, delays_ms)
    async with asyncio.TaskGroup() as tasks:
        for delay_ms in delays_ms:
            # Each beside one without a delay, which shows what the machine itself takes just now.
            tasks.create_task(_publish_due(rig, delay_ms))
            tasks.create_task(_publish_due(rig, 0))
            await asyncio.sleep(0.005)
    arrivals = await rig.wait_for(2 * len(delays_ms), within_s=10)
    at_once_ms = _lateness_ms(a for a in arrivals if a.message.exchange == rig.name)
    held_ms = _lateness_ms(a for a in arrivals if a.message.exchange != rig.name)
    assert len(held_ms) == len(delays_ms)
    assert held_ms[0] >= -EARLY_MS
    assert statistics.median(held_ms) - statistics.median(at_once_ms) < 10
    assert held_ms[-1] < STALL_MS + at_once_ms[-1]


async def test_a_short_delay_does_not_wait_behind_many_long_ones(rig: Rig) -> None:
    await rig.publish_all([(b"long", 60_000 + 1_000 * (n % 3)) for n in range(500)])
    await _publish_due(rig, 300)
    await rig.wait_for(1, within_s=2)
    assert _lateness_ms(rig.arrivals)[0] < STALL_MS
