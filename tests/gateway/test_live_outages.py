"""Owed pushes reach their users, whoever dies meanwhile: a gateway, or Redis."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from notifier.gateway.pages.documents import of_clients
from notifier.stack import Stack
from notifier.wiring.live import connected_clients
from tests.gateway.live_acts import codes_of, publish, say, state_of
from tests.gateway.live_client import connected
from tests.gateway.running import RunningGateway, new_key, started
from tests.house import House, json_of, wait_for


@pytest.fixture(scope="module")
def fleet(house: House) -> Iterator[House]:
    house.environment |= {"NOTIFIER_LIVE_ACK_S": "2"}
    house.start_fleet("--tiers", "1,3")
    yield house
    house.stop_fleets()


@pytest.fixture(scope="module")
def pair(fleet: House) -> Iterator[tuple[RunningGateway, RunningGateway]]:
    with started(fleet, "--name", "one") as one, started(fleet, "--name", "two") as two:
        yield one, two


@pytest.fixture(scope="module")
def key(fleet: House) -> str:
    return new_key(fleet, "live", "live")


def test_two_gateways_tell_all_who_follow_and_all_of_one_user(
    pair: tuple[RunningGateway, RunningGateway], key: str
) -> None:
    one, two = pair
    with connected(one, key, "anna") as here, connected(two, key, "anna") as there:
        for client in (here, there):
            client.ask(cmd="subscribe", topic="rates")
        there.ask(cmd="subscribe", topic="news")
        # One user with a connection at each, and three subscriptions to two topics.
        count = {"gateways": 2, "clients": 2, "users": 1, "topics": 2, "unacknowledged": 0}
        answers = asyncio.run(connected_clients(one.house.settings, most=0))
        assert of_clients(answers) == count
        say(one, key, "rates", 7)
        for client in (here, there):
            assert client.until(lambda event: event["event"] == "message")["data"] == 7
        id_ = publish(one, "anna")
        assert (here.push()["id"], there.push()["id"]) == (id_, id_)
        wait_for(lambda: state_of(one, id_) == "sent", 30)
    # Told once on record, however many of the user's clients acknowledged.
    assert codes_of(one, id_) == ["acknowledged"]


def test_a_gateway_that_is_killed_loses_no_push(
    pair: tuple[RunningGateway, RunningGateway], key: str
) -> None:
    one, two = pair
    with connected(one, key, "bert", acknowledging=False) as client:
        ids = [publish(one, "bert") for _ in range(3)]
        while set(client.pushed()) < set(ids):
            client.push()
        os.kill(gateway_pid(one, "one"), signal.SIGKILL)
    with connected(two, key, "bert") as again:
        while set(again.pushed()) < set(ids):
            again.push()
        wait_for(lambda: all(state_of(one, id_) == "sent" for id_ in ids), 60)
    assert one.house.notifier("audit", "--json").returncode == 0


def test_a_reload_asks_clients_to_come_again_and_they_resume(
    pair: tuple[RunningGateway, RunningGateway], key: str
) -> None:
    _, two = pair
    with connected(two, key, "carl", acknowledging=False) as client:
        id_ = publish(two, "carl")
        assert client.push()["id"] == id_
        done = two.house.notifier("reload", "--name", "two")
        assert done.returncode == 0, done.stderr
        assert client.end() == (1012, "reconnect")
    with connected(two, key, "carl", after=id_) as again:
        assert again.push()["id"] == id_
        wait_for(lambda: state_of(two, id_) == "sent", 30)


def test_an_outage_of_redis_holds_pushes_and_loses_none(
    pair: tuple[RunningGateway, RunningGateway], key: str, stack: Stack
) -> None:
    _, two = pair
    with connected(two, key, "dora") as client:
        client.ask(cmd="subscribe", topic="rates")
        stack.redis.kill()
        ids = [publish(two, "dora") for _ in range(3)]
        wait_for(lambda: all(reason_of(two, id_) == "redis_away" for id_ in ids), 60)
        assert not any(codes_of(two, id_) for id_ in ids)
        stack.redis.start()
        while set(client.pushed()) < set(ids):
            client.push()
        wait_for(lambda: all(state_of(two, id_) == "sent" for id_ in ids), 60)
        say(two, key, "rates", 8)
        assert client.until(lambda event: event["event"] == "message")["data"] == 8
    # The fleet may be back before the gateway is, and find nobody once.
    assert all(codes_of(two, id_)[-1] == "acknowledged" for id_ in ids)


def gateway_pid(gateway: RunningGateway, name: str) -> int:
    document = json_of(gateway.house.notifier("status", "--json").stdout)
    (fleet,) = [one for one in document["fleets"] if one["name"] == name]
    return int(fleet["processes"][0]["pid"])


def reason_of(gateway: RunningGateway, id_: str) -> str:
    rows = gateway.house.rows(
        f"SELECT reason FROM notifier_notification WHERE id = X'{id_.replace('-', '')}'"
    )
    return str(rows[0][0])
