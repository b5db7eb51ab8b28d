"""What tests of live clients do and look up besides: topics, pushes, and how these stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import orjson

from tests.gateway.live_client import LiveClient
from tests.gateway.running import RunningGateway


def say(gateway: RunningGateway, key: str, topic: str, value: object) -> None:
    with gateway.client(authorization=f"Bearer {key}") as client:
        answer = client.post(f"/v1/topics/{topic}", content=orjson.dumps(value))
    assert answer.status_code == 202, answer.text


def heard(client: LiveClient) -> Any:
    return client.until(lambda event: event["event"] == "message")["data"]


def publish(gateway: RunningGateway, user: str) -> str:
    """A push that is due at once; its id."""
    done = gateway.house.notifier(
        "publish", "--channel", "push", "--to", user, "--delay", "0s", "--json"
    )
    assert done.returncode == 0, done.stderr
    return str(orjson.loads(done.stdout)["accepted"][0]["id"])


def state_of(gateway: RunningGateway, id_: str) -> str:
    rows = gateway.house.rows(
        f"SELECT state FROM notifier_notification WHERE id = X'{id_.replace('-', '')}'"
    )
    return str(rows[0][0])


def codes_of(gateway: RunningGateway, id_: str) -> list[str]:
    rows = gateway.house.rows(
        "SELECT code FROM notifier_attempt WHERE notification_id = "
        f"X'{id_.replace('-', '')}' ORDER BY attempt"
    )
    return [str(row[0]) for row in rows]


def events_of(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield orjson.loads(line.removeprefix("data: "))


def until(events: Iterator[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(event for event in events if event.get("event") == name)
