"""A browser as the gateway sees it: a real WebSocket library, one message after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.gateway.running import RunningGateway

DEADLINE_S = 60.0


class LiveClient:
    """acknowledging: every push, as soon as it comes."""

    def __init__(self, connection: ClientConnection, *, acknowledging: bool = True) -> None:
        self.connection = connection
        self.acknowledging = acknowledging
        self.seen: list[dict[str, Any]] = []

    def say(self, **fields: object) -> None:
        self.connection.send(orjson.dumps(fields).decode())

    def ask(self, **fields: object) -> dict[str, Any]:
        """The answer to this request; what else comes meanwhile is in `seen`."""
        ref = f"r{time.monotonic_ns()}"
        self.say(ref=ref, **fields)
        return self.until(lambda event: event.get("ref") == ref)

    def until(self, is_it: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first event like this, of those that come from now on."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            event: dict[str, Any] = orjson.loads(self.connection.recv(timeout=DEADLINE_S))
            self.seen.append(event)
            if event["event"] == "push" and self.acknowledging:
                self.say(cmd="ack", id=event["id"])
            if is_it(event):
                return event
        raise AssertionError(f"it did not come; seen {self.seen}")

    def push(self) -> dict[str, Any]:
        return self.until(lambda event: event["event"] == "push")

    def pushed(self) -> list[str]:
        return [event["id"] for event in self.seen if event["event"] == "push"]

    def end(self) -> tuple[int, str]:
        """(code, reason) with which the gateway closes it."""
        closed = None
        while closed is None:
            try:
                self.seen.append(orjson.loads(self.connection.recv(timeout=DEADLINE_S)))
            except ConnectionClosed as error:
                closed = error.rcvd
                assert closed is not None, "it was cut off"
        return closed.code, closed.reason


def ticket_for(gateway: RunningGateway, key: str, user: str, **more: object) -> str:
    with gateway.client(authorization=f"Bearer {key}") as client:
        answer = client.post("/v1/tickets", json={"user": user, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["ticket"])


@contextmanager
def opened(gateway: RunningGateway, **options: Any) -> Iterator[LiveClient]:
    """Connected, and nothing said yet."""
    url = f"{gateway.url.replace('http', 'ws', 1)}/v1/live"
    with connect(url, open_timeout=30, ssl=gateway.trust, **options) as connection:
        yield LiveClient(connection)


@contextmanager
def connected(
    gateway: RunningGateway, key: str, user: str, *, acknowledging: bool = True, after: str = ""
) -> Iterator[LiveClient]:
    """Authenticated and bound."""
    with opened(gateway) as client:
        client.acknowledging = acknowledging
        welcome = client.ask(cmd="auth", ticket=ticket_for(gateway, key, user))
        assert welcome["event"] == "welcome", welcome
        bound = client.ask(cmd="bind", after=after)
        assert bound["event"] == "bound", bound
        yield client
