"""What a live client may not do, and what becomes of it, its neighbours undisturbed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import SERVICE_UNAVAILABLE

import orjson
import pytest
import redis
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from notifier.wiring.live import connected_clients
from tests.gateway.live_client import connected, opened, ticket_for
from tests.gateway.running import RunningGateway, new_key, started
from tests.house import House, wait_for

LIMITS = {
    "most_clients": 6,
    "most_per_address": 4,
    "most_per_user": 2,
    "most_topics": 2,
    "message_bytes": 2048,
    "per_minute": 30,
    "backlog_bytes": 65_536,
    "ping_s": 5,
    "auth_s": 60,
}
LONG_S = 60.0


@pytest.fixture(scope="module")
def live(house: House) -> Iterator[RunningGateway]:
    limits = {f"NOTIFIER_LIVE_{name.upper()}": str(value) for name, value in LIMITS.items()}
    with started(house, **limits) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(live: RunningGateway) -> str:
    return new_key(live.house, "live", "live")


@pytest.fixture(autouse=True)
def _nobody_is_left(live: RunningGateway) -> Iterator[None]:
    yield
    wait_for(lambda: not lines(live), LONG_S, lambda: str(lines(live)))


def lines(gateway: RunningGateway) -> list[dict[str, object]]:
    (answer,) = asyncio.run(connected_clients(gateway.house.settings, most=10))
    clients: list[dict[str, object]] = orjson.loads(answer)["clients"]
    return clients


def test_connections_are_limited_by_address_and_in_all(live: RunningGateway) -> None:
    with ExitStack() as open_ones:

        def come_from(address: str) -> None:
            open_ones.enter_context(opened(live, source_address=(address, 0)))

        def is_refused(address: str) -> bool:
            with pytest.raises(InvalidStatus) as refused:
                come_from(address)
            return refused.value.response.status_code == SERVICE_UNAVAILABLE

        for _ in range(4):
            come_from("127.0.0.1")
        assert is_refused("127.0.0.1")
        with live.client() as client:
            assert client.get("/v1/stream?ticket=x").status_code == SERVICE_UNAVAILABLE
        for _ in range(2):
            come_from("127.0.0.2")
        assert is_refused("127.0.0.3")


def test_a_user_has_so_many_connections_and_the_place_of_one_that_left(
    live: RunningGateway, key: str
) -> None:
    with connected(live, key, "anna") as first:
        with connected(live, key, "anna"), opened(live) as third:
            third.say(cmd="auth", ticket=ticket_for(live, key, "anna"))
            assert third.end() == (4030, "too many connections of this user")
            assert first.ask(cmd="ping")["event"] == "pong"
        wait_for(lambda: len(lines(live)) == 1, LONG_S)
        with connected(live, key, "anna") as again:
            assert again.ask(cmd="ping")["event"] == "pong"


def test_a_connection_follows_so_many_topics(live: RunningGateway, key: str) -> None:
    with connected(live, key, "bert") as client:
        for topic in ("one", "two", "two"):
            assert client.ask(cmd="subscribe", topic=topic)["event"] == "subscribed"
        refused = client.ask(cmd="subscribe", topic="three")
        assert (refused["event"], refused["field"]) == ("error", "topic")
        client.ask(cmd="unsubscribe", topic="one")
        assert client.ask(cmd="subscribe", topic="three")["event"] == "subscribed"


@pytest.mark.parametrize(
    "message", ["x" * 2049, "x" * 5_000_000, ["x" * 1500, "x" * 1500], ["x"] * 2000]
)
def test_a_message_that_is_too_large_ends_the_connection_with_1009(
    live: RunningGateway, key: str, message: str | list[str]
) -> None:
    """Whole or in pieces, and however much of it is still to come."""
    with connected(live, key, "carl") as client, connected(live, key, "carl") as other:
        with suppress(ConnectionClosed):
            client.connection.send(message)
        assert client.end()[0] == 1009
        other.connection.send(" " * 2000 + '{"cmd": "ping"}')
        assert other.until(lambda event: event["event"] == "pong")


@pytest.mark.parametrize(("is_text", "code"), [(False, 1003), (True, 1007)])
def test_what_is_no_text_ends_the_connection(
    live: RunningGateway, key: str, is_text: bool, code: int
) -> None:
    with connected(live, key, "carl") as client:
        client.connection.send(b"\xff", text=is_text)
        assert client.end()[0] == code


def test_more_messages_than_allowed_end_the_connection(live: RunningGateway, key: str) -> None:
    with connected(live, key, "dora") as client, connected(live, key, "emil") as other:
        for _ in range(60):
            client.say(cmd="ping")
        assert client.end()[0] == 4029
        assert other.ask(cmd="ping")["event"] == "pong"


def test_who_answers_no_ping_is_closed_and_who_answers_stays(
    live: RunningGateway, key: str
) -> None:
    with connected(live, key, "fritz") as alive, deaf_client(live) as deaf:
        seen = list(deaf)
        assert Opcode.PING in [one.opcode for one in seen]
        assert seen[-1].opcode is Opcode.CLOSE
        assert int.from_bytes(seen[-1].data[:2]) == 1011
        assert alive.ask(cmd="ping")["event"] == "pong"


def test_a_stream_that_is_not_read_is_closed(live: RunningGateway, key: str) -> None:
    prefix = live.house.environment["NOTIFIER_REDIS_PREFIX"]
    host, port = live.address.split(":")
    with socket.socket() as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        stream.connect((host, int(port)))
        path = f"/v1/stream?ticket={ticket_for(live, key, 'hans')}&topics=loud"
        stream.sendall(f"GET {path} HTTP/1.1\r\nhost: {live.address}\r\n\r\n".encode())
        wait_for(lambda: [line["topics"] for line in lines(live)] == [["loud"]], LONG_S)
        with redis.Redis.from_url(live.house.environment["NOTIFIER_REDIS_URL"]) as outside:
            for _ in range(300):
                outside.publish(f"{prefix}push:loud", b'"%b"' % (b"x" * 60_000))
        wait_for(lambda: not lines(live), LONG_S)


@contextmanager
def raw_client(gateway: RunningGateway) -> Iterator[tuple[ClientProtocol, socket.socket]]:
    """Connected; what comes is read, and answered, by nobody."""
    protocol = ClientProtocol(parse_uri(f"ws://{gateway.address}/v1/live"))
    host, port = gateway.address.split(":")
    with socket.create_connection((host, int(port)), timeout=LONG_S) as sock:
        protocol.send_request(protocol.connect())
        sock.sendall(b"".join(protocol.data_to_send()))
        while not protocol.events_received():
            protocol.receive_data(sock.recv(1))
        yield protocol, sock


@contextmanager
def deaf_client(gateway: RunningGateway) -> Iterator[Iterator[Frame]]:
    """The frames it gets, up to the end; it answers none."""

    def frames(protocol: ClientProtocol, sock: socket.socket) -> Iterator[Frame]:
        while data := sock.recv(65_536):
            protocol.receive_data(data)
            yield from (one for one in protocol.events_received() if isinstance(one, Frame))

    with raw_client(gateway) as (protocol, sock):
        yield frames(protocol, sock)
