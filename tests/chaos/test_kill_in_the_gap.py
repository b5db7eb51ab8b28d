"""A process dies at the worst moments: nothing is lost, nobody is told twice."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.stack import Stack
from tests.house import House, wait_for

REFUSE_ONCE = [
    {"endpoint": "template_send", "action": "errcode:-1", "times": 1, "per": "client_msg_id"}
]


@pytest.mark.parametrize("gap", ["before_send", "before_record", "before_republish", "before_ack"])
def test_a_consumer_killed_in_the_gap_costs_nothing(house: House, tmp_path: Path, gap: str) -> None:
    house.sandbox.control.script(REFUSE_ONCE)
    killed = tmp_path / "killed"
    house.start_fleet(NOTIFIER_FAILPOINT=f"{gap}@{killed}")
    records = house.publish_orders(5)
    house.expect_told_once(records, within_s=60)
    assert killed.exists()


@pytest.mark.parametrize("gap", ["before_send", "before_record", "before_republish", "before_ack"])
def test_a_consumer_killed_without_an_order_costs_nothing_either(
    house: House, tmp_path: Path, gap: str
) -> None:
    """Such a claim is committed with the statement that makes it."""
    house.sandbox.control.script(REFUSE_ONCE)
    killed = tmp_path / "killed"
    house.start_fleet(NOTIFIER_FAILPOINT=f"{gap}@{killed}")
    people = [f"oCustomer_{number:08d}" for number in range(5)]
    asyncio.run(house.accept([_reminder(openid) for openid in people]))
    wait_for(lambda: house.states() == Counter(sent=5), 60)
    assert house.effects() == Counter(people)
    assert killed.exists()
    house.expect_clean_audit()


def _reminder(openid: str) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WECHAT,
        recipient=openid,
        template="designer",
        order_no="breakfast",
        delay=timedelta(0),
    )


def test_a_consumer_killed_after_the_effect_repeats_without_a_second_one(
    house: House, tmp_path: Path
) -> None:
    """Nothing is refused here: the killed attempt had told, and its id protects the repetition."""
    killed = tmp_path / "killed"
    house.start_fleet(NOTIFIER_FAILPOINT=f"before_record@{killed}")
    records = house.publish_orders(5)
    house.expect_told_once(records, within_s=60)
    assert max(row["wire_count"] for row in house.sandbox.control.effects()) > 1


def test_a_supervisor_killed_under_load_leaves_everything_to_the_next_fleet(house: House) -> None:
    fleet = house.start_fleet()
    records = house.publish_orders(300)
    wait_for(lambda: len(house.effects()) > 20, 20)
    children = psutil.Process(fleet.pid).children(recursive=True)
    fleet.kill()
    fleet.wait()
    psutil.wait_procs(children, timeout=40)
    assert not [child for child in children if child.is_running()]
    house.start_fleet()
    house.expect_told_once(records, within_s=60)


def test_consumers_killed_again_and_again_lose_nothing(house: House) -> None:
    fleet = house.start_fleet(NOTIFIER_FLEET_GIVE_UP_AFTER="50")
    records = house.publish_orders(300)
    for _ in range(2):
        told = len(house.effects())
        wait_for(lambda told=told: len(house.effects()) > told + 20, 30)  # type: ignore[misc]
        for child in psutil.Process(fleet.pid).children():
            child.send_signal(signal.SIGKILL)
    house.expect_told_once(records, within_s=90)


def test_a_broker_killed_under_load_delays_and_loses_nothing(house: House, stack: Stack) -> None:
    house.start_fleet()
    records = house.publish_orders(200)
    wait_for(lambda: len(house.effects()) > 20, 20)
    stack.rabbitmq.kill()
    stack.rabbitmq.start()
    house.expect_told_once(records, within_s=120)


def test_a_database_killed_under_load_delays_and_loses_nothing(house: House, stack: Stack) -> None:
    house.start_fleet()
    records = house.publish_orders(200)
    wait_for(lambda: len(house.effects()) > 20, 20)
    stack.database.kill()
    stack.database.start()
    house.expect_told_once(records, within_s=120)


def test_redis_away_stops_nothing(house: House, stack: Stack) -> None:
    house.start_fleet()
    stack.redis.kill()
    try:
        records = house.publish_orders(20)
        house.expect_told_once(records, within_s=30)
    finally:
        stack.redis.start()
