"""Orders of designers over HTTP: what `notifier publish --order` takes, alone and in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from notifier.domain.order import OrderRecord, record_text
from tests.gateway.running import RunningGateway, new_key
from tests.house import House
from tests.sandbox.rig import Sandbox

RECORD = "1912000000001##1##1577836800##oDesigner_00000001##李伟测试##13926"
NUMBER = {
    "order": "1912000000001",
    "openid": "oDesigner_00000001",
    "designer_id": 13926,
    "designer_name": "李伟测试",
}


@pytest.fixture(scope="module")
def key(gateway: RunningGateway) -> str:
    return new_key(gateway.house, "orders", "submit")


@pytest.fixture
def client(gateway: RunningGateway, key: str) -> Iterator[httpx.Client]:
    with gateway.client(authorization=f"Bearer {key}") as client:
        yield client


def by_number(record: OrderRecord, **more: Any) -> dict[str, Any]:
    named = {"order": record.order_no, "openid": record.openid, "designer_id": record.designer_id}
    return {**named, "designer_name": record.designer_name, **more}


def test_orders_are_dispatched_and_their_designers_and_publishers_told_once(
    client: httpx.Client, house: House, sandbox: Sandbox
) -> None:
    records = house.put_orders(3)
    one, two, three = records

    single = client.post("/v1/notifications", json=by_number(one, delay="1s"))
    again = client.post("/v1/notifications", json=by_number(one))
    batch = client.post(
        "/v1/notifications/batch",
        json={"notifications": [{"order": record_text(two)}, by_number(three, ladder="default")]},
    )

    assert (single.status_code, again.status_code, batch.status_code) == (201, 200, 201)
    assert again.json()["id"] == single.json()["id"]
    house.start_fleet()
    house.expect_told_once(records, within_s=60)
    assert "designer  李伟测试 (13926)" in house.notifier("explain", one.order_no).stdout


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"order": 1912000000001}, "order"),
        ({"order": "no such thing!"}, "order"),
        (NUMBER | {"order": "404"}, "order"),
        ({"order": "1912000000001"}, "openid"),
        (NUMBER | {"designer_name": None}, "designer_name"),
        (NUMBER | {"designer_id": "13926"}, "designer_id"),
        (NUMBER | {"openid": "?"}, "openid"),
        ({"order": "a##b"}, "record"),
        ({"order": RECORD.replace("##1##", "##one##")}, "order_id"),
        ({"order": RECORD, "openid": "oDesigner_00000001"}, "openid"),
        ({"order": RECORD, "at": "2026-11-21T12:00:00Z", "delay": "5m"}, "at"),
        ({"order": RECORD, "delay": "1h", "deadline": "2020-01-01T00:00:00Z"}, "deadline"),
        ({"order": RECORD, "ladder": "steep"}, "ladder"),
        ({"order": RECORD, "again": "yes"}, "again"),
        ({"order": RECORD, "recipient": "oSomebody"}, "recipient"),
    ],
)
def test_what_is_wrong_with_an_order_is_named_and_nothing_is_accepted(
    client: httpx.Client, house: House, document: dict[str, Any], field: str
) -> None:
    before = house.states()
    single = client.post("/v1/notifications", json=document)
    batch = client.post(
        "/v1/notifications/batch", json={"notifications": [{"order": RECORD}, document]}
    )

    assert (single.status_code, single.json()["field"]) == (422, field), single.text
    assert [(one["index"], one["field"]) for one in batch.json()["errors"]] == [(1, field)]
    assert house.states() == before


def test_a_key_stands_in_place_of_the_record(client: httpx.Client, house: House) -> None:
    (record,) = house.put_orders(1, first=90)
    headers = {"idempotency-key": "order-90"}
    asked = by_number(record, delay="1h")

    first = client.post("/v1/notifications", json=asked, headers=headers)
    again = client.post("/v1/notifications", json=asked, headers=headers)
    other = client.post("/v1/notifications", json=asked | {"openid": "oAnother"}, headers=headers)

    assert [one.status_code for one in (first, again, other)] == [201, 200, 409]
    assert again.json()["id"] == first.json()["id"]
