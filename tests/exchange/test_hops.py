"""How many hold queues a message goes through."""

from __future__ import annotations

from typing import Any

from notifier.stack import Stack
from tests.exchange.broker_shell import evaluate
from tests.exchange.rig import Arrival, Rig

ONE_HOP_MS = (1, 9, 10, 11, 57, 99, 100, 130, 250, 990, 1_000, 1_100, 2_900)
# ms: hops.
MORE_HOPS = {101: 2, 123: 2, 999: 2, 1_001: 2, 1_990: 2, 2_345: 2, 10_101: 3}


def _hops(arrival: Arrival, exchange: str) -> int:
    """How often the broker says that the message left one of the exchange's hold queues."""
    deaths: Any = arrival.message.headers["x-death"]
    kinds = (f"{exchange}.hold.", f"{exchange}.final.")
    return sum(int(death["count"]) for death in deaths if death["queue"].startswith(kinds))


async def _count_hops(rig: Rig, delays_ms: tuple[int, ...]) -> dict[int, int]:
    for delay_ms in delays_ms:
        await rig.publish(b"%d" % delay_ms, delay_ms)
    arrivals = await rig.wait_for(len(delays_ms), within_s=max(delays_ms) / 1000 + 5)
    return {int(arrival.body): _hops(arrival, rig.name) for arrival in arrivals}


async def test_a_delay_of_one_or_two_digits_takes_one_hop(rig: Rig) -> None:
    assert await _count_hops(rig, ONE_HOP_MS) == dict.fromkeys(ONE_HOP_MS, 1)


async def test_every_two_digits_more_take_one_more_hop(rig: Rig) -> None:
    assert await _count_hops(rig, tuple(MORE_HOPS)) == MORE_HOPS


# The broker's own plan for all delays of one or two digits, the longest, and many between.
PLAN = """
    Digits = fun (N) -> length(string:trim(integer_to_list(N), trailing, "0")) end,
    Short = [D * Unit || Unit <- [1, 10, 100, 1000, 10000, 100000, 1000000, 10000000],
                         D <- lists:seq(1, 99)],
    Long = [4294967295, 4199999999 | [rand:uniform(16#FFFFFFFF) || _ <- lists:seq(1, 20000)]],
    Plan = [{N, notifier_delayed_names:hops(N)} || N <- Short ++ Long],
    {lists:usort([length(Hops) || {N, Hops} <- Plan, Digits(N) =< 2]),
     lists:max([length(Hops) || {_, Hops} <- Plan]),
     lists:all(fun ({N, Hops}) -> lists:sum([Ms || {_, Ms} <- Hops]) =:= N end, Plan),
     lists:all(fun ({_, Hops}) -> [K || {K, _} <- Hops, K =:= final] =:= [final] end, Plan)}.
"""


async def test_no_delay_takes_more_than_five_hops_and_none_is_cut_short(stack: Stack) -> None:
    assert await evaluate(stack, PLAN) == "{[1],5,true,true}"
