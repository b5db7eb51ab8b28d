"""The live protocol over TLS, as `notifier gateway --cert --key` speaks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.gateway.conftest import Certificate
from tests.gateway.live_acts import events_of, say, until
from tests.gateway.live_client import connected, ticket_for
from tests.gateway.running import RunningGateway, new_key, started
from tests.house import House


@pytest.fixture(scope="module")
def live(house: House, certificate: Certificate) -> Iterator[RunningGateway]:
    with started(house, *certificate.arguments) as gateway:
        yield replace(gateway, trust=certificate.trust)


@pytest.fixture(scope="module")
def key(live: RunningGateway) -> str:
    return new_key(live.house, "live", "live")


def test_a_websocket_over_tls(live: RunningGateway, key: str) -> None:
    with connected(live, key, "anna") as client:
        client.ask(cmd="subscribe", topic="rates")
        say(live, key, "rates", {"text": "x" * 60_000})
        message = client.until(lambda event: event["event"] == "message")
        assert message["data"] == {"text": "x" * 60_000}
        client.connection.send("x" * 1_000_000)
        assert client.end()[0] == 1009


def test_a_stream_over_tls(live: RunningGateway, key: str) -> None:
    path = f"/v1/stream?ticket={ticket_for(live, key, 'bert')}&topics=news"
    with live.client() as client, client.stream("GET", path) as response:
        events = events_of(response)
        until(events, "bound")
        say(live, key, "news", "new")
        assert until(events, "message")["data"] == "new"
