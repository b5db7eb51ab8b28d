"""Reminders through a real fleet: listed and told in the order of the moments."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifier.stack import Stack
from tests.cli.acting import notifier
from tests.house import House, built, json_of, wait_for
from tests.sandbox.rig import Sandbox


@pytest.fixture
def house(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    with built(stack, sandbox, tmp_path) as house:
        yield house


def due(house: House) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json_of(notifier(house, "board", "--json").stdout)["due"]
    return rows


def test_three_that_are_asked_for_out_of_order_are_listed_and_told_in_theirs(house: House) -> None:
    house.start_fleet()
    base_s = int(time.time()) + 25
    for place in (2, 0, 1):
        moment = datetime.fromtimestamp(base_s + place, UTC).isoformat()
        asked = [f"oCustomer_{place}", "--at", moment, "--channel", "wechat", "--order", str(place)]
        assert notifier(house, "remind", *asked).returncode == 0
    wait_for(lambda: len(due(house)) == 3, 20, lambda: str(due(house)))
    assert [row["order_no"] for row in due(house)] == ["0", "1", "2"]

    wait_for(lambda: house.states()["sent"] == 3, 60, lambda: str(house.states()))
    told = [effect["openid"] for effect in house.sandbox.control.effects()]
    assert told == [f"oCustomer_{place}" for place in range(3)]
    early = "SELECT COUNT(*) FROM notifier_attempt WHERE started_at < due_at"
    assert house.rows(early) == [(0,)]
    wait_for(lambda: due(house) == [], 30)
    texts = {effect["data"]["keyword1"]["value"] for effect in house.sandbox.control.effects()}
    assert all(text.startswith("你好,你在") for text in texts), texts
