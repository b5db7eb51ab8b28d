"""The management API: the monitor sees, and nobody changes anything."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.deploy.deeds import MONITOR, TIER
from tests.deploy.image import Image, users

READABLE = (
    "overview",
    "queues/notifier",
    "exchanges/notifier/delay",
    "exchanges/notifier/delay/bindings/source",
    "connections",
)
PAYLOAD: dict[str, object] = {
    "routing_key": TIER,
    "payload": "{}",
    "payload_encoding": "string",
    "properties": {},
}
TAKE: dict[str, object] = {"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"}
CHANGES: list[tuple[str, str, dict[str, object]]] = [
    ("POST", "exchanges/notifier/delay/publish", PAYLOAD),
    ("POST", "exchanges/notifier/amq.default/publish", PAYLOAD),
    ("POST", f"queues/notifier/{TIER}/get", TAKE),
    ("DELETE", f"queues/notifier/{TIER}", {}),
    ("DELETE", f"queues/notifier/{TIER}/contents", {}),
    ("PUT", "queues/notifier/mine", {"durable": True}),
    ("PUT", "policies/notifier/mine", {"pattern": ".*", "definition": {"expires": 1}}),
    ("PUT", "users/mine", {"password": "x", "tags": "administrator"}),
    ("PUT", f"permissions/notifier/{MONITOR}", {"configure": "", "write": "", "read": ""}),
    ("PUT", "vhosts/mine", {}),
    ("GET", "definitions", {}),
    ("GET", "users", {}),
]


@pytest.fixture
def api(applied: Image) -> Callable[[str], httpx.Client]:
    def of(user: str) -> httpx.Client:
        return httpx.Client(
            base_url=f"{applied.management}/api",
            auth=(user, applied.password(user)),
            # A refusal does not wait for the body and ends the connection.
            headers={"Connection": "close"},
            timeout=20,
        )

    return of


def test_the_monitor_sees_what_check_and_status_ask_for(
    api: Callable[[str], httpx.Client],
) -> None:
    with api(MONITOR) as http:
        assert {path: http.get(path).status_code for path in READABLE} == dict.fromkeys(
            READABLE, 200
        )


def test_nobody_changes_anything_over_the_management_api(
    api: Callable[[str], httpx.Client],
) -> None:
    for user in users():
        with api(user) as http:
            for method, path, body in CHANGES:
                answer = http.request(method, path, json=body)
                refused = "ACCESS_REFUSED" in answer.text or "not_authori" in answer.text
                assert answer.status_code in {400, 401, 403}, (user, method, path, answer.text)
                assert refused, (user, method, path, answer.text)


def test_only_the_monitor_gets_into_the_management_api(api: Callable[[str], httpx.Client]) -> None:
    for user in set(users()) - {MONITOR}:
        with api(user) as http:
            assert http.get("overview").status_code == 401
