"""The live protocol, spoken by a real WebSocket library to a gateway beside a fleet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.live_client import connected
from tests.gateway.running import RunningGateway, new_key, started_with_fleet
from tests.house import House, wait_for


@pytest.fixture(scope="module")
def live(house: House) -> Iterator[RunningGateway]:
    house.environment |= {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "NOTIFIER_TASKS_REGISTRY": "tests.gateway.some_tasks",
        "NOTIFIER_LIVE_ACK_S": "1",
        "NOTIFIER_LIVE_AUTH_S": "2",
    }
    with started_with_fleet(house, "--tiers", "1,3") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(live: RunningGateway) -> str:
    return new_key(live.house, "live", "live")


def test_a_reminder_is_receipted_at_once_and_pushed_at_its_moment(
    live: RunningGateway, key: str
) -> None:
    with connected(live, key, "anna") as client:
        receipt = client.ask(cmd="remind", in_ms=1500, order_no="1912136916313")
        assert receipt["event"] == "accepted"
        assert receipt["info"] == "支付成功。请稍后,接收通知!"

        push = client.push()
        assert push["id"] == receipt["id"]
        assert push["kind"] == "pickup_reminder"
        assert push["data"]["text"] == "你好,你在1.5秒前的预定的套餐,请到店内柜台前拿取"
        wait_for(lambda: state_of(live, receipt["id"]) == "sent", 30)


def state_of(gateway: RunningGateway, id_: str) -> str:
    rows = gateway.house.rows(
        f"SELECT state FROM notifier_notification WHERE id = X'{id_.replace('-', '')}'"
    )
    return str(rows[0][0])
