"""Keys of the API: shown once, kept as a digest, and good for what they were made for."""

from __future__ import annotations

import pytest

from tests.gateway.running import RunningGateway, new_key
from tests.house import House, json_of, wait_for


def test_a_key_is_shown_once_and_never_kept(house: House) -> None:
    key = new_key(house, "once", "submit", "read")

    listed = house.notifier("key", "list", "--json")
    (row,) = house.rows("SELECT * FROM notifier_api_key WHERE name = 'once'")

    assert {"name": "once", "scopes": ["read", "submit"]}.items() <= json_of(listed.stdout)[
        0
    ].items()
    secret = key.rsplit("_", 1)[1]
    assert secret not in listed.stdout
    assert secret not in str(row)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["bad name", "--scope", "read"], "name"),
        (["good", "--scope", "everything"], "submit"),
        (["taken", "--scope", "read"], "taken"),
    ],
)
def test_a_key_that_cannot_be_made_is_explained(
    house: House, arguments: list[str], word: str
) -> None:
    house.notifier("key", "add", "taken", "--scope", "read")

    refused = house.notifier("key", "add", *arguments)

    assert refused.returncode == 2
    assert word in refused.stderr


def test_without_a_good_key_nothing_is_said(gateway: RunningGateway) -> None:
    wrong = "ntf_000000000000_" + "A" * 43
    with gateway.client() as client:
        for headers in ({}, {"authorization": "Bearer x"}, {"authorization": f"Bearer {wrong}"}):
            answer = client.get("/v1/notifications", headers=headers)

            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_opens_only_its_scopes(gateway: RunningGateway) -> None:
    key = new_key(gateway.house, "reader", "read")
    with gateway.client(authorization=f"Bearer {key}") as client:
        assert client.get("/v1/notifications").status_code == 200
        refused = client.post("/v1/notifications", json={})

    assert refused.status_code == 403
    assert "submit" in refused.json()["detail"]


def test_a_removed_key_is_refused_soon(gateway: RunningGateway) -> None:
    key = new_key(gateway.house, "leaving", "read")
    with gateway.client(authorization=f"Bearer {key}") as client:
        assert client.get("/v1/notifications").status_code == 200
        assert gateway.house.notifier("key", "remove", "leaving").returncode == 0

        wait_for(lambda: client.get("/v1/notifications").status_code == 401, 30)


def test_who_guesses_has_to_wait_and_who_knows_has_not(gateway: RunningGateway) -> None:
    key = new_key(gateway.house, "known", "read")
    with gateway.client() as client:
        good = {"authorization": f"Bearer {key}"}
        assert client.get("/v1/notifications", headers=good).status_code == 200

        def guess() -> int:
            return client.get(
                "/v1/notifications", headers={"authorization": "Bearer guessed"}
            ).status_code

        answers = [guess() for _ in range(25)]

    assert 429 in answers
    assert answers[-1] == 429
