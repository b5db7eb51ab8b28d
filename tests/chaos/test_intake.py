"""Records that an older program pushed into Redis are told once, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import redis

from notifier.domain.order import OrderRecord, record_text
from notifier.store.playground import OpenOrder, put_orders
from notifier.wiring import parts
from tests.house import House, json_of, publisher_of, wait_for

OPENID = "oDesigner_{:08d}"
GAPS = ("intake_after_take", "intake_after_commit", "intake_before_remove")


@pytest.fixture
def programs(house: House) -> redis.Redis:
    """The older programs' Redis; a fleet of this house takes from it."""
    name = f"test:{uuid4().hex}"
    house.environment |= {
        "NOTIFIER_INTAKE_ENABLED": "true",
        "NOTIFIER_INTAKE_ORDER_LIST": f"{name}:orders",
        "NOTIFIER_INTAKE_REMINDER_SET": f"{name}:queue",
        "NOTIFIER_INTAKE_REMINDER_CHANNEL": "wechat",
    }
    return redis.Redis.from_url(house.environment["NOTIFIER_REDIS_URL"])


def orders(house: House, numbers: Sequence[int], *, expires: datetime) -> list[OrderRecord]:
    """Open ones, in the order table."""
    records = [
        OrderRecord(
            order_no=f"1912{number:09d}",
            order_id=number,
            claim_deadline=expires.replace(microsecond=0),
            openid=OPENID.format(number),
            designer_name="李伟测试",
            designer_id=13926,
        )
        for number in numbers
    ]
    opened = [
        OpenOrder(order_id=one.order_id, order_no=one.order_no, publisher_openid=publisher_of(one))
        for one in records
    ]

    async def put() -> None:
        async with parts.open_database(house.settings) as database:
            await put_orders(database, "tg_order_task", opened)

    asyncio.run(put())
    return records


def push(house: House, programs: redis.Redis, *records: str) -> None:
    with programs:
        for record in records:
            programs.lpush(house.environment["NOTIFIER_INTAKE_ORDER_LIST"], record)


def left(house: House, programs: redis.Redis) -> list[bytes]:
    prefix = house.environment["NOTIFIER_INTAKE_ORDER_LIST"].removesuffix("orders")
    return list(programs.scan_iter(f"{prefix}*"))


@pytest.mark.parametrize("gap", GAPS)
def test_an_intake_killed_in_the_gap_loses_and_doubles_nothing(
    house: House, programs: redis.Redis, tmp_path: Path, gap: str
) -> None:
    killed = tmp_path / "killed"
    records = orders(house, range(1, 6), expires=datetime(2020, 1, 1, tzinfo=UTC))
    push(house, programs, *map(record_text, records), "garbage")
    house.start_fleet(NOTIFIER_FAILPOINT=f"{gap}@{killed}")
    house.expect_told_once(records, within_s=90)
    wait_for(lambda: not left(house, programs), 30)
    assert killed.exists()
    assert house.rows("SELECT COUNT(*) FROM notifier_intake_rejected") == [(1,)]


def test_an_order_that_nobody_took_is_told_after_its_window_and_a_bad_one_after_its_mending(
    house: House, programs: redis.Redis
) -> None:
    house.start_fleet("--tiers", "1,3")
    expires = datetime.now(UTC) + timedelta(seconds=4)
    told, grabbed, mended = orders(house, (1, 2, 3), expires=expires)
    bad = record_text(mended).replace(OPENID.format(3), "o 3")
    push(house, programs, *map(record_text, (told, grabbed)), bad)
    house.execute("UPDATE tg_order_task SET status = 1, design_userid = 7 WHERE order_id = 2")
    programs.zadd(
        house.environment["NOTIFIER_INTAKE_REMINDER_SET"],
        {"用户oCustomer_11576140373": time.time()},
    )

    wait_for(lambda: listed(house)["kept_aside"] == 1, 30)
    (kept,) = listed(house)["kept"]
    assert kept["reason"].startswith("openid: 'o 3'")
    again = house.notifier("intake", "retry", str(kept["id"]), "--record", record_text(mended))
    assert again.returncode == 0, again.stderr

    wait_for(lambda: house.states()["sent"] == 5, 60, lambda: str(house.states()))
    people = [told.openid, publisher_of(told), mended.openid, publisher_of(mended), "oCustomer_1"]
    assert house.effects() == dict.fromkeys(people, 1)
    assert house.states() == {"sent": 5, "cancelled": 1}
    early = "SELECT COUNT(*) FROM notifier_notification n JOIN notifier_attempt a"
    early += " ON a.notification_id = n.id WHERE a.started_at < n.claim_deadline"
    assert house.rows(early) == [(0,)]
    assert "intake" in house.notifier("status").stdout
    assert left(house, programs) == []
    house.expect_clean_audit()


def listed(house: House) -> Any:
    return json_of(house.notifier("intake", "list", "--json").stdout)


def test_the_intake_runs_alone_and_ends_when_it_is_asked_to(
    house: House, programs: redis.Redis
) -> None:
    log = house.folder / "intake.log"
    (record,) = orders(house, [1], expires=datetime(2020, 1, 1, tzinfo=UTC))
    with log.open("wb") as output:
        alone = subprocess.Popen(
            [sys.executable, "-m", "notifier", "intake"],
            env=house.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=house.folder,
        )
    house.fleets.append(alone)
    push(house, programs, record_text(replace(record, openid="oSomebody_1")))
    wait_for(lambda: house.states().total() == 1, 60, log.read_text)
    (process,) = psutil.Process(alone.pid).children()
    process.send_signal(signal.SIGKILL)
    push(house, programs, record_text(replace(record, designer_id=2)))
    wait_for(lambda: house.states().total() == 2, 60, log.read_text)
    assert house.notifier("stop", "--name", "default-intake").returncode == 0
    assert alone.wait(45) == 0
