"""A thousand idle clients of one gateway, and all of them coming again at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.domain.ticket import Ticket
from notifier.store.tickets import RedisTickets
from tests.gateway.running import RunningGateway, started_with_fleet
from tests.house import House, wait_for

CLIENTS = 1_000
TOLD = 50
"""Clients to whom something is pushed while they are away."""
DEADLINE_S = 90
AT_ONCE = 100


@pytest.fixture(scope="module")
def live(house: House) -> Iterator[RunningGateway]:
    house.environment |= {
        "NOTIFIER_LIVE_MOST_PER_ADDRESS": str(2 * CLIENTS),
        "NOTIFIER_LIVE_AUTH_S": "60",
        "NOTIFIER_LOG_LEVEL": "warning",
    }
    with started_with_fleet(house, "--tiers", "1,3") as gateway:
        yield gateway


def test_a_thousand_clients_idle_are_cut_off_come_again_at_once_and_miss_nothing(
    live: RunningGateway,
) -> None:
    pushed = asyncio.run(_come_and_come_again(live))

    told = {user for user, ids in pushed.items() if ids}
    assert told == {_user(number) for number in range(TOLD)}
    assert [ids for ids in pushed.values() if len(set(ids)) > 1] == []
    states = "SELECT state, COUNT(*) FROM notifier_notification GROUP BY state"
    wait_for(lambda: live.house.rows(states) == [("sent", TOLD)], DEADLINE_S)


async def _come_and_come_again(live: RunningGateway) -> dict[str, list[str]]:
    """What was pushed to whom."""
    clients = await _come(live, at_once=AT_ONCE)
    await _until_connected(live, CLIENTS)
    for client in clients:
        client.transport.abort()
    await _until_connected(live, 0)
    await live.house.accept([_push(number) for number in range(TOLD)])
    again = await _come(live, at_once=CLIENTS)
    await _until_connected(live, CLIENTS)
    pushed = await asyncio.gather(*map(_pushes, again[:TOLD]))
    quiet = await asyncio.gather(*(client.ping() for client in again[TOLD:]))
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*quiet)
    for client in again:
        client.transport.abort()
    return {_user(number): ids for number, ids in enumerate(pushed)}


async def _come(live: RunningGateway, *, at_once: int) -> Sequence[ClientConnection]:
    """All of them, authenticated and bound."""
    redis = live.house.settings.redis
    tickets = RedisTickets(redis.url.get_secret_value(), prefix=redis.prefix)
    places = asyncio.Semaphore(at_once)

    async def one(number: int) -> ClientConnection:
        async with places:
            ticket = await tickets.issue(Ticket(user=_user(number)), lives=timedelta(minutes=5))
            url = f"{live.url.replace('http', 'ws', 1)}/v1/live"
            client = await connect(url, open_timeout=DEADLINE_S, ping_interval=None)
            for cmd in ({"cmd": "auth", "ticket": ticket}, {"cmd": "bind"}):
                await client.send(orjson.dumps({"ref": "r", **cmd}).decode())
            while (await _heard(client))["event"] != "bound":
                pass
            return client

    try:
        async with asyncio.timeout(DEADLINE_S):
            return await asyncio.gather(*map(one, range(CLIENTS)))
    finally:
        await tickets.close()


async def _pushes(client: ClientConnection) -> list[str]:
    """Until there is one, acknowledged."""
    async with asyncio.timeout(DEADLINE_S):
        while (event := await _heard(client))["event"] != "push":
            pass
    await client.send(orjson.dumps({"cmd": "ack", "id": event["id"]}).decode())
    return [str(event["id"])]


async def _heard(client: ClientConnection) -> dict[str, Any]:
    event: dict[str, Any] = orjson.loads(await client.recv())
    assert event["event"] != "error", event
    return event


async def _until_connected(live: RunningGateway, wanted: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await asyncio.to_thread(_connected, live) != wanted:
            await asyncio.sleep(0.5)


def _connected(live: RunningGateway) -> int:
    shown = live.house.notifier("clients", "--json", "--full")
    assert shown.returncode == 0, shown.stderr
    users = Counter(
        client["user"] for gateway in orjson.loads(shown.stdout) for client in gateway["clients"]
    )
    assert not users or max(users.values()) == 1
    return len(users)


def _user(number: int) -> str:
    return f"user-{number}"


def _push(number: int) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.PUSH,
        recipient=_user(number),
        payload={"text": "your order is ready"},
    )
