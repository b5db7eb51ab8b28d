"""Idle clients, one topic's messages to many, and a storm of reconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic, monotonic_ns

import orjson

from benchmarks.live.client import Client
from benchmarks.live.house import BenchmarkError, House
from notifier.domain.ticket import Ticket
from notifier.loadtest.lateness import Spread, spread_of
from notifier.store.tickets import RedisTickets
from notifier.store.topics import RedisTopics

TOPIC = "benchmark"
AT_ONCE = 50
"""Connections being made at once, but for the storm."""
WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """clients: idle ones. subscribers: of them. storm: of them, all at once."""

    clients: int
    subscribers: int
    messages: int
    storm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """each: bytes of the gateway's memory per idle client. fan_out: ms from the publish to each
    subscriber. storm_s: until all were bound again.
    """

    each: float
    connect_s: float
    fan_out: Spread
    fan_out_cpu_us: float
    storm_s: float


async def run(house: House, plan: Plan, say: Callable[[str], None]) -> Figures:
    redis = house.settings.redis
    tickets = RedisTickets(redis.url.get_secret_value(), prefix=redis.prefix)
    arrived_ns: list[int] = []
    crowd = Crowd(house, tickets, arrived_ns)
    try:
        say("warming up")
        await crowd.leave(await crowd.come(range(100), at_once=AT_ONCE))
        before, began_s = house.rss_bytes(), monotonic()
        say(f"{plan.clients} clients connect")
        clients = await crowd.come(range(plan.clients), at_once=AT_ONCE)
        connect_s = monotonic() - began_s
        each = (house.rss_bytes() - before) / plan.clients
        fan_out, cpu_us = await _fan_out(house, plan, clients, arrived_ns, say)
        say(f"{plan.storm} clients are cut off and come again at once")
        storm_s = await _storm(crowd, plan, clients)
    finally:
        await tickets.close()
    return Figures(
        each=each,
        connect_s=connect_s,
        fan_out=fan_out,
        fan_out_cpu_us=cpu_us,
        storm_s=storm_s,
    )


class Crowd:
    def __init__(self, house: House, tickets: RedisTickets, arrived_ns: list[int]) -> None:
        self._house = house
        self._tickets = tickets
        self._arrived_ns = arrived_ns

    async def come(self, numbers: range, *, at_once: int) -> list[Client]:
        """Connected, authenticated and bound, each a user of its own."""
        places = asyncio.Semaphore(at_once)
        lives = timedelta(minutes=10)

        async def one(number: int) -> Client:
            async with places:
                ticket = await self._tickets.issue(Ticket(user=f"user-{number}"), lives=lives)
                client = await self._connect()
                await client.ask("welcome", cmd="auth", ticket=ticket)
                await client.ask("bound", cmd="bind")
                return client

        async with asyncio.timeout(WITHIN_S):
            return list(await asyncio.gather(*map(one, numbers)))

    async def leave(self, clients: Sequence[Client]) -> None:
        for client in clients:
            client.cut()
        await asyncio.sleep(1)

    async def _connect(self) -> Client:
        host, port = self._house.host, self._house.port
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(
            lambda: Client(host, port, self._arrived_ns), host, port
        )
        await client.upgraded
        return client


async def _fan_out(
    house: House,
    plan: Plan,
    clients: Sequence[Client],
    arrived_ns: list[int],
    say: Callable[[str], None],
) -> tuple[Spread, float]:
    """(lateness in ms, the gateway's CPU in µs per message and subscriber)."""
    subscribers = clients[: plan.subscribers]
    await asyncio.gather(
        *(client.ask("subscribed", cmd="subscribe", topic=TOPIC) for client in subscribers)
    )
    say(f"{plan.messages} messages to {len(subscribers)} subscribers")
    redis = house.settings.redis
    topics = RedisTopics(
        redis.url.get_secret_value(), prefix=redis.prefix, most=10, lifetime=timedelta(minutes=1)
    )
    cpu_s = house.cpu_s()
    try:
        for number in range(1, plan.messages + 1):
            value = orjson.dumps({"at_ns": monotonic_ns(), "price": number})
            await topics.publish(TOPIC, value)
            await _until(lambda: len(arrived_ns), number * len(subscribers))
    finally:
        await topics.close()
    cpu_us = (house.cpu_s() - cpu_s) * 1e6 / (plan.messages * len(subscribers))
    return spread_of([ns / 1e6 for ns in arrived_ns]), cpu_us


async def _until(count: Callable[[], int], wanted: int) -> None:
    until = monotonic() + WITHIN_S
    while count() < wanted:
        if monotonic() > until:
            raise BenchmarkError(f"{count()} of {wanted} messages came within {WITHIN_S:g} s")
        await asyncio.sleep(0.005)


async def _storm(crowd: Crowd, plan: Plan, clients: Sequence[Client]) -> float:
    for client in clients[: plan.storm]:
        client.cut()
    began_s = monotonic()
    await crowd.come(range(plan.storm), at_once=plan.storm)
    return monotonic() - began_s
