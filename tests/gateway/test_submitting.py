"""POST /v1/notifications: committed before the answer, once per key, clear where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.gateway.running import RunningGateway, new_key

NOTICE: dict[str, Any] = {
    "channel": "push",
    "recipient": "user-7",
    "payload": {"text": "早餐好了"},
    "delay": "1h",
}


@pytest.fixture(scope="module")
def key(gateway: RunningGateway) -> str:
    return new_key(gateway.house, "submitter", "submit")


@pytest.fixture
def client(gateway: RunningGateway, key: str) -> Iterator[httpx.Client]:
    gateway.house.execute("DELETE FROM notifier_notification")
    with gateway.client(authorization=f"Bearer {key}") as client:
        yield client


def post(client: httpx.Client, document: Any, **headers: str) -> httpx.Response:
    return client.post("/v1/notifications", json=document, headers=headers)


def test_one_is_committed_when_the_answer_comes(
    client: httpx.Client, gateway: RunningGateway
) -> None:
    answer = post(client, NOTICE)

    assert answer.status_code == 201
    document = answer.json()
    assert answer.headers["location"] == f"/v1/notifications/{document['id']}"
    assert document["state"] == "scheduled"
    assert document["new"] is True
    assert gateway.house.states() == {"scheduled": 1}


def test_the_same_key_is_accepted_once_and_another_content_is_a_conflict(
    client: httpx.Client, gateway: RunningGateway
) -> None:
    first = post(client, NOTICE, **{"idempotency-key": "order-7"})
    again = post(client, NOTICE | {"idempotency_key": "order-7"})
    other = post(client, NOTICE | {"recipient": "user-8"}, **{"idempotency-key": '"order-7"'})

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["new"] is False
    assert other.json()["field"] == "idempotency_key"
    assert gateway.house.states() == {"scheduled": 1}


def test_many_at_once_with_one_key_make_one(client: httpx.Client, gateway: RunningGateway) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: post(client, NOTICE | {"idempotency_key": "crowd"}), range(40))
        )

    assert sorted(answer.status_code for answer in answers) == [200] * 39 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert gateway.house.states() == {"scheduled": 1}


def test_who_is_refused_takes_no_other_along(client: httpx.Client, gateway: RunningGateway) -> None:
    def one(number: int) -> int:
        bad = {"channel": "webhook", "recipient": "endpoint:nobody"}
        return post(client, bad if number % 4 == 0 else NOTICE).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(40)))

    assert answers.count(201) == 30
    assert answers.count(422) == 10
    assert gateway.house.states() == {"scheduled": 30}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "channel"),
        ({"channel": "pigeon", "recipient": "x"}, "channel"),
        (NOTICE | {"recipiant": "x"}, "recipiant"),
        (NOTICE | {"payload": {"n": 2**70}}, "payload.n"),
        (NOTICE | {"delay": "soon"}, "delay"),
        (NOTICE | {"at": "2026-11-21T12:00:00Z"}, "at"),
        (NOTICE | {"ladder": "steep"}, "ladder"),
        ([NOTICE], "body"),
    ],
)
def test_what_is_wrong_is_named(client: httpx.Client, document: Any, field: str) -> None:
    answer = post(client, document)

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field


def test_what_is_no_json_is_said(client: httpx.Client) -> None:
    broken = client.post("/v1/notifications", content=b'{"channel":')
    form = client.post("/v1/notifications", data={"channel": "push"})

    assert (broken.status_code, broken.json()["field"]) == (422, "body")
    assert form.status_code == 415


def test_a_batch_is_accepted_whole_or_not_at_all(
    client: httpx.Client, gateway: RunningGateway
) -> None:
    def batch(*notices: Any) -> httpx.Response:
        return client.post("/v1/notifications/batch", json={"notifications": notices})

    keyed = [NOTICE | {"idempotency_key": f"batch-{n}"} for n in range(3)]
    wrong = batch(*keyed, NOTICE | {"delay": "soon"}, NOTICE | {"channel": "pigeon"})
    assert wrong.status_code == 422
    assert [(one["index"], one["field"]) for one in wrong.json()["errors"]] == [
        (3, "delay"),
        (4, "channel"),
    ]
    assert not gateway.house.states()

    first, again = batch(*keyed), batch(*keyed)
    assert (first.status_code, again.status_code) == (201, 200)
    assert [one["id"] for one in again.json()["accepted"]] == [
        one["id"] for one in first.json()["accepted"]
    ]

    conflict = batch(NOTICE, keyed[1] | {"recipient": "another"})
    assert conflict.status_code == 409
    assert [one["index"] for one in conflict.json()["errors"]] == [1]
    assert gateway.house.states() == {"scheduled": 3}


def test_a_batch_has_bounds(client: httpx.Client) -> None:
    for notices in ([], [NOTICE] * 501, "x"):
        answer = client.post("/v1/notifications/batch", json={"notifications": notices})

        assert (answer.status_code, answer.json()["field"]) == (422, "notifications")
