"""Look and act over HTTP: the same operations as on the command line."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx
import pytest

from notifier.stack import Stack
from tests.gateway.running import RunningGateway, new_key, started
from tests.house import House, built
from tests.sandbox.rig import Sandbox


@pytest.fixture(scope="module")
def house(
    stack: Stack, shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """With a key for the secrets of endpoints."""
    key = base64.b64encode(b"k" * 32).decode()
    folder = tmp_path_factory.mktemp("house")
    opened = {"NOTIFIER_EGRESS_ALLOW_CIDRS": "127.0.0.0/8", "NOTIFIER_EGRESS_PORTS": ""}
    with built(stack, shared_sandbox, folder, NOTIFIER_WEBHOOK_KEY=key, **opened) as house:
        yield house


@pytest.fixture(scope="module")
def gateway(house: House) -> Iterator[RunningGateway]:
    with started(house) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(gateway: RunningGateway) -> str:
    return new_key(gateway.house, "operator", "submit", "read", "operate")


@pytest.fixture
def client(gateway: RunningGateway, key: str) -> Iterator[httpx.Client]:
    gateway.house.execute("DELETE FROM notifier_notification")
    with gateway.client(authorization=f"Bearer {key}") as client:
        yield client


def submit(client: httpx.Client, **fields: object) -> str:
    notice = {"channel": "push", "recipient": "user-7-long-name", "delay": "1h"} | fields
    answer = client.post("/v1/notifications", json=notice)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def listed(client: httpx.Client, **query: object) -> list[str]:
    answer = client.get("/v1/notifications", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["notifications"]]


def kill(gateway: RunningGateway, *ids: str, reason: str = "exhausted:500") -> None:
    """As if the ladder had ended."""
    for id_ in ids:
        gateway.house.execute(
            "UPDATE notifier_notification SET state = 'dead', next_sweep_at = NULL, "
            f"settled_at = NOW(6), reason = '{reason}' WHERE id = 0x{id_.replace('-', '')}"
        )


def test_one_is_shown_with_why_it_waits(client: httpx.Client) -> None:
    id_ = submit(client, order_no="1912136916313")

    document = client.get(f"/v1/notifications/{id_}").json()

    assert document["id"] == id_
    assert document["recipient"] == "user…name"
    assert document["in_words"]["state"] == "waits in the calendar"
    assert document["attempts"] == document["caused"] == []
    assert client.get(f"/v1/notifications/{id_}/attempts").json() == {"attempts": []}


def test_what_there_is_not_is_404_and_what_is_no_id_422(client: httpx.Client) -> None:
    absent = "/v1/notifications/0193f2d0-7c1e-7e0a-9d2c-0c5a1e6f4b11"

    assert client.get(absent).status_code == 404
    assert client.post(f"{absent}/cancel").status_code == 404
    assert client.get("/v1/notifications/seven").status_code == 422


def test_pages_follow_each_other_without_a_gap(client: httpx.Client) -> None:
    ids = [submit(client, delay=f"{hours}h") for hours in (3, 1, 2)]

    def pages(**query: object) -> list[str]:
        found, cursor = list[str](), ""
        while cursor is not None:
            asked = query | {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = client.get("/v1/notifications", params=asked).json()  # type: ignore[arg-type]
            found += [one["id"] for one in page["notifications"]]
            cursor = page["next"]
        return found

    assert pages() == ids[::-1]
    assert pages(due="next:1d") == [ids[1], ids[2], ids[0]]
    wrong = client.get("/v1/notifications", params={"cursor": "abc"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "cursor")


def test_a_list_is_filtered_by_what_is_given(client: httpx.Client, gateway: RunningGateway) -> None:
    first = submit(client, order_no="A1")
    second = submit(client, recipient="somebody-else", delay="0s")
    third = submit(client)
    kill(gateway, third)

    assert listed(client, order_no="A1") == [first]
    assert listed(client, recipient="somebody-else") == [second]
    assert listed(client, state=["dead", "unknown"]) == [third]
    assert listed(client, reason="exhausted") == [third]
    assert listed(client, channel="wechat") == []
    assert client.get("/v1/notifications", params={"state": "lost"}).status_code == 422
    assert client.get("/v1/notifications", params={"due": "someday"}).json()["field"] == "due"


def test_what_waits_is_cancelled_once(client: httpx.Client) -> None:
    id_ = submit(client)

    first = client.post(f"/v1/notifications/{id_}/cancel")
    again = client.post(f"/v1/notifications/{id_}/cancel")

    assert first.status_code == 200, first.text
    assert again.status_code == 409
    assert listed(client, state="cancelled") == [id_]


def test_what_waits_is_told_at_another_moment(client: httpx.Client) -> None:
    id_, other = submit(client, order_no="B2"), submit(client, order_no="B2")
    moment = {"at": "2026-12-24T18:00:00+08:00", "reason": "the kitchen is late"}

    done = client.post(f"/v1/notifications/{id_}/reschedule", json=moment)
    both = client.post("/v1/orders/B2/reschedule", json={"delay": "2h"})
    wrong = client.post(f"/v1/notifications/{other}/reschedule", json={})

    assert done.status_code == 200, done.text
    assert both.json()["done"] == 2
    assert (wrong.status_code, wrong.json()["field"]) == (422, "at")
    change = client.get(f"/v1/notifications/{id_}").json()["rescheduled"][0]
    assert (change["who"], change["why"]) == ("key:operator", "the kitchen is late")
    assert change["to_at"] == "2026-12-24T10:00:00Z"


def test_an_order_is_cancelled_as_a_whole(client: httpx.Client) -> None:
    submit(client, order_no="C3")
    submit(client, order_no="C3")

    assert client.post("/v1/orders/C3/cancel").json()["done"] == 2
    assert client.post("/v1/orders/none/cancel").status_code == 404


def test_the_dead_are_told_again_one_or_by_reason(
    client: httpx.Client, gateway: RunningGateway
) -> None:
    ids = [submit(client) for _ in range(5)]
    kill(gateway, *ids[:4])
    kill(gateway, ids[4], reason="expired")

    one = client.post(f"/v1/notifications/{ids[0]}/replay")
    waits = client.post(f"/v1/notifications/{ids[0]}/replay")
    some = client.post("/v1/notifications/replay", json={"reason": "exhausted", "limit": 2})
    rest = client.post("/v1/notifications/replay", json={"ids": [ids[4], ids[0]]})

    assert (one.status_code, waits.status_code) == (200, 409)
    assert (some.json()["done"], some.json()["left"]) == (2, 1)
    assert (rest.json()["done"], rest.json()["refused"]) == (1, 1)
    for wrong in (
        {},
        {"ids": ["x"]},
        {"ids": [ids[0]], "reason": "*"},
        {"reason": "*", "limit": 0},
    ):
        assert client.post("/v1/notifications/replay", json=wrong).status_code == 422


def test_an_endpoint_lives_from_its_secret_to_its_end(
    client: httpx.Client, sandbox: Sandbox
) -> None:
    url = f"{sandbox.addresses['data_url']}/webhook/shop"

    added = client.post("/v1/endpoints", json={"name": "shop", "url": url, "rate_per_s": 50})
    again = client.post("/v1/endpoints", json={"name": "shop", "url": url})
    shown = client.get("/v1/endpoints/shop")

    assert added.status_code == 201, added.text
    secret = added.json()["secret"]
    assert secret.startswith("whsec_")
    assert (again.status_code, shown.json()["state"]) == (422, "ok")
    assert secret not in shown.text + client.get("/v1/endpoints").text
    assert client.post("/v1/endpoints/shop/rotate-secret", json={}).json()["secret"] != secret

    changed = client.put("/v1/endpoints/shop", json={"url": f"{url}2", "timeout": "5s"})
    assert (changed.json()["url"], changed.json()["timeout_s"]) == (f"{url}2", 5.0)
    assert client.put("/v1/endpoints/none", json={"url": url}).status_code == 404
    assert client.put("/v1/endpoints/shop", json={"url": "https://10.0.0.1/"}).status_code == 422

    id_ = submit(client, channel="webhook", recipient="endpoint:shop")
    assert listed(client, endpoint="shop") == [id_]
    paused = client.post("/v1/endpoints/shop/pause", json={"reason": "moving", "for": "1h"})
    assert (paused.status_code, paused.json()["who"]) == (200, "key:operator")
    assert client.get("/v1/endpoints/shop").json()["state"] == "paused"
    assert client.post("/v1/endpoints/shop/resume").status_code == 200

    assert client.delete("/v1/endpoints/shop").json() == {"name": "shop", "waiting": 1}
    assert client.get("/v1/endpoints/shop").status_code == 404


def test_a_bad_endpoint_is_explained(client: httpx.Client) -> None:
    wrong = {
        "name": {"name": "../x", "url": "https://example.com/"},
        "url": {"name": "x", "url": "https://10.0.0.1/"},
        "dialect": {"name": "x", "url": "https://example.com/", "dialect": "latin"},
        "rate_per_s": {"name": "x", "url": "https://example.com/", "rate_per_s": "fast"},
    }
    for field, body in wrong.items():
        answer = client.post("/v1/endpoints", json=body)

        assert answer.status_code == 422
        assert field in answer.json()["field"] or answer.json()["field"] == "endpoint"
