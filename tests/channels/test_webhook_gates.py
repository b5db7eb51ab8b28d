"""One endpoint takes so many places and no more, and while it does not work, one."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from datetime import timedelta

import pytest

from notifier.channels.webhook.gates import Call, GateRules, Gates
from notifier.domain.breaker import BreakerRules
from notifier.domain.outcome import Answer, Held, Outcome, Retry, Sent, Unknown
from tests.channels.rig import Clock

SECOND = timedelta(seconds=1)
HEARD = Sent(answer=Answer(status=200, latency=timedelta(0)))
SILENT = Unknown(code="timeout")
REFUSED = Retry(code="http_404", answer=Answer(status=404, latency=timedelta(0)))


class Rig:
    def __init__(self, *, calls: int = 8, places: int = 200, failures: int = 3) -> None:
        self.clock = Clock()
        rules = GateRules(calls=calls, places=places, breaker=BreakerRules(failures=failures))
        self.gates = Gates(rules, clock=self.clock, luck=lambda: 0)

    async def enter(self, endpoint: str = "shop") -> Call:
        entered = await self.gates.enter(endpoint)
        assert isinstance(entered, Call), entered
        return entered

    async def held(self, endpoint: str = "shop") -> Held:
        entered = await self.gates.enter(endpoint)
        assert isinstance(entered, Held), "it may call"
        return entered

    async def call(self, outcome: Outcome, endpoint: str = "shop") -> bool:
        """Whether it was the probe."""
        with await self.enter(endpoint) as call:
            call.came_to(outcome)
            return call.is_probe

    async def break_down(self, endpoint: str = "shop") -> None:
        for _ in range(3):
            await self.call(SILENT, endpoint)


async def test_a_call_that_ends_makes_room_for_the_next_who_waited_for_it() -> None:
    rig = Rig(calls=1)
    with await rig.enter() as first:
        second = asyncio.create_task(rig.enter())
        await asyncio.sleep(0)
        first.came_to(HEARD)
    with await second:
        assert (await rig.held()).reason.startswith("endpoint_full:1 requests under way")


async def test_the_longer_its_calls_take_the_later_the_others_come_back() -> None:
    rig = Rig(calls=1)
    with await rig.enter():
        assert (await rig.held()).wait == SECOND
        rig.clock.advance(4 * SECOND)
        assert (await rig.held()).wait == 8 * SECOND


async def test_endpoints_that_hang_leave_places_for_all_others() -> None:
    """Thirty of them, all trusted, each with more to be told than fits."""
    rig = Rig(places=200)
    with ExitStack() as hanging:
        for number in range(30):
            await rig.call(HEARD, f"hanging-{number}")
            await rig.call(HEARD, f"healthy-{number}")
        for _ in range(8):
            for number in range(30):
                entered = await rig.gates.enter(f"hanging-{number}")
                if isinstance(entered, Call):
                    hanging.enter_context(entered)
        for number in range(15):
            hanging.enter_context(await rig.enter(f"healthy-{number}"))
        rig.clock.advance(2 * SECOND)
        await rig.held("hanging-0")
        assert await rig.call(HEARD, "healthy-15") is False


async def test_those_that_never_answered_share_half_of_the_places() -> None:
    rig = Rig(places=20)
    await rig.call(HEARD, "known")
    with ExitStack() as calls:
        for number in range(10):
            calls.enter_context(await rig.enter(f"new-{number}"))
        assert (await rig.held("new-10")).reason.startswith("endpoint_full:0 requests")
        assert await rig.call(HEARD, "known") is False


async def test_after_so_many_failures_one_probe_goes_out_and_the_rest_are_held() -> None:
    rig = Rig()
    await rig.break_down()
    held = await rig.held()
    assert held.wait == SECOND
    assert held.reason.startswith("endpoint_down:timeout, since 2")

    rig.clock.advance(SECOND)
    with await rig.enter() as probe:
        assert probe.is_probe
        rig.clock.advance(10 * SECOND)
        assert (await rig.held()).wait == 20 * SECOND
        probe.came_to(SILENT)
    assert (await rig.held()).wait >= 2 * SECOND, "longer each time"

    rig.clock.advance(2 * SECOND)
    assert await rig.call(HEARD) is True
    assert await rig.call(HEARD) is False, "all may call again"


async def test_whoever_is_held_comes_back_one_after_the_other() -> None:
    rig = Rig()
    await rig.break_down()
    waits = [(await rig.held()).wait for _ in range(500)]
    assert waits == sorted(waits)
    assert max(waits.count(wait) for wait in set(waits)) <= 51, "fifty in a second"


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_probe_that_was_not_made_or_was_cancelled_leaves_the_way_to_another(
    is_cancelled: bool,
) -> None:
    rig = Rig()
    await rig.break_down()
    rig.clock.advance(SECOND)
    if is_cancelled:
        with pytest.raises(asyncio.CancelledError), await rig.enter():
            raise asyncio.CancelledError
    else:
        with await rig.enter():
            pass
    assert await rig.call(HEARD) is True


async def test_an_endpoint_that_refuses_is_well_and_one_more_hurts_no_other() -> None:
    rig = Rig()
    for _ in range(10):
        await rig.call(REFUSED)
    await rig.break_down("other")
    assert await rig.call(HEARD) is False
    await rig.held("other")


async def test_a_call_that_is_answered_after_all_closes_it() -> None:
    rig = Rig()
    with await rig.enter() as slow:
        await rig.break_down()
        slow.came_to(HEARD)
    assert await rig.call(HEARD) is False


async def test_who_gives_up_waiting_for_a_call_leaves_no_place_taken() -> None:
    rig = Rig(calls=1, places=20)
    with await rig.enter():
        waiting = asyncio.create_task(rig.enter())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    for _ in range(20):
        await rig.call(HEARD)
    with await rig.enter("another"):
        pass
