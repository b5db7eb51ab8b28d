"""What an application committed into the outbox is told in time, once, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from notifier.stack import Stack
from notifier.wiring import parts
from tests.house import House, wait_for

INSERT = (
    "INSERT INTO notifier_outbox (channel, recipient, template, order_no, delay_s) "
    "VALUES ('wechat', '{openid}', 'designer', 'breakfast-{number}', 0)"
)


def openid(number: int) -> str:
    return f"oCustomer_{number:08d}"


def insert(house: House, numbers: range) -> None:
    for number in numbers:
        house.execute(INSERT.format(openid=openid(number), number=number))


def expect_told_once(house: House, count: int, *, within_s: float) -> None:
    wait_for(lambda: house.states()["sent"] >= count, within_s, lambda: str(house.states()))
    assert house.effects() == Counter(openid(number) for number in range(count))
    assert house.rows("SELECT * FROM notifier_outbox") == []
    assert house.rows("SELECT * FROM notifier_outbox_rejected") == []
    house.expect_clean_audit()


@pytest.mark.parametrize("gap", ["outbox_before_commit", "outbox_before_publish"])
def test_a_calendar_killed_in_the_gap_loses_and_doubles_nothing(
    house: House, tmp_path: Path, gap: str
) -> None:
    killed = tmp_path / "killed"
    house.start_fleet(NOTIFIER_FAILPOINT=f"{gap}@{killed}")
    insert(house, range(5))
    expect_told_once(house, 5, within_s=60)
    assert killed.exists()


def test_rows_wait_for_a_fleet_and_two_share_them(house: House) -> None:
    insert(house, range(20))
    house.start_fleet("--name", "one")
    house.start_fleet("--name", "two")
    insert(house, range(20, 40))
    expect_told_once(house, 40, within_s=30)


def test_calendars_killed_again_and_again_lose_and_double_nothing(house: House) -> None:
    fleet = house.start_fleet(NOTIFIER_FLEET_GIVE_UP_AFTER="50")
    killed = 0
    for start in range(0, 60, 20):
        insert(house, range(start, start + 20))
        for child in psutil.Process(fleet.pid).children():
            if "calendar" in " ".join(child.cmdline()):
                child.send_signal(signal.SIGKILL)
                killed += 1
    assert killed
    expect_told_once(house, 60, within_s=90)


def test_a_broker_that_is_away_delays_and_loses_nothing(house: House, stack: Stack) -> None:
    house.start_fleet()
    stack.rabbitmq.kill()
    try:
        insert(house, range(5))
        wait_for(lambda: house.states()["waiting"] == 5, 30, lambda: str(house.states()))
    finally:
        stack.rabbitmq.start()
    expect_told_once(house, 5, within_s=120)


@pytest.mark.alone
def test_it_is_on_its_way_within_200_ms_of_the_commit(house: House) -> None:
    house.start_fleet()
    committed: dict[str, datetime] = {}

    async def commit_some() -> None:
        async with parts.open_database(house.settings) as database:
            for number in range(40):
                sql = INSERT.format(openid=openid(number), number=number)
                async with database.transaction() as cursor:
                    await cursor.run(sql)
                    committed[openid(number)] = (await cursor.fetch("SELECT NOW(6)"))[0][0]
                # Out of step with the looks of the fleet.
                await asyncio.sleep(0.037)

    asyncio.run(commit_some())
    expect_told_once(house, 40, within_s=30)
    rows = house.rows(
        "SELECT n.recipient, a.started_at FROM notifier_notification n "
        "JOIN notifier_attempt a ON a.notification_id = n.id"
    )
    waited_ms = sorted((began - committed[who]).total_seconds() * 1000 for who, began in rows)
    print(f"commit to attempt: p50 {waited_ms[20]:.0f} ms, longest {waited_ms[-1]:.0f} ms")
    assert waited_ms[35] < 200
