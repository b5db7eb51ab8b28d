"""A fleet whose messages wait in hold queues: as punctual, as safe, and with no plugin needed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aio_pika
import pytest

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.stack import Stack
from tests.house import House, built, json_of, wait_for
from tests.sandbox.rig import Sandbox

REFUSE_TWICE = [
    {"endpoint": "template_send", "action": "errcode:-1", "times": 2, "per": "client_msg_id"}
]
BREAKFASTS = 60


@pytest.fixture
def house(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    with built(stack, sandbox, tmp_path, NOTIFIER_AMQP_DELAY="queues") as house:
        yield house


def test_a_load_with_failures_is_told_once_each_by_the_ladder(house: House) -> None:
    house.start_fleet()
    loaded = house.notifier("loadtest", "--count", "300", "--fail", "0.3", "--json", "report.json")
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    report = json_of((house.folder / "report.json").read_text())
    assert (report["told"], report["lost"], report["doubled"]) == (600, 0, 0), report
    ((retried,),) = house.rows("SELECT COUNT(*) FROM notifier_attempt WHERE tier = 3")
    assert retried > 0
    house.expect_clean_audit()


@pytest.mark.alone
def test_moments_that_are_no_tiers_are_kept_by_the_calendar(house: House) -> None:
    house.start_fleet()
    now = datetime.now(UTC)
    asyncio.run(
        house.accept(
            [_breakfast(n, now + timedelta(seconds=1.5 + n / 20)) for n in range(BREAKFASTS)]
        )
    )
    assert house.states() == {"scheduled": BREAKFASTS}
    wait_for(lambda: house.states()["sent"] == BREAKFASTS, 20, lambda: str(house.states()))
    lateness_ms = sorted(
        row[0] / 1000 for row in house.rows("SELECT lateness_us FROM notifier_attempt")
    )
    print(f"late: p50 {lateness_ms[BREAKFASTS // 2]:.1f} ms, most {lateness_ms[-1]:.1f} ms")
    assert lateness_ms[0] >= 0
    assert lateness_ms[BREAKFASTS // 2] < 500
    house.expect_clean_audit()


def test_a_broker_killed_under_load_delays_and_loses_nothing(house: House, stack: Stack) -> None:
    house.sandbox.control.script(REFUSE_TWICE)
    house.start_fleet()
    records = house.publish_orders(100)
    wait_for(lambda: len(house.effects()) > 20, 20)
    stack.rabbitmq.kill()
    stack.rabbitmq.start()
    house.expect_told_once(records, within_s=120)


def test_what_the_broker_lost_is_published_again(house: House) -> None:
    records = house.publish_orders(20)
    hold = f"{house.environment['NOTIFIER_AMQP_QUEUE_PREFIX']}.hold.1"
    wait_for(lambda: house.purge(hold, once_it_has=len(records)), 20)
    house.start_fleet()
    house.expect_told_once(records, within_s=60)


def test_a_fleet_does_not_start_where_the_recorded_mechanism_is_missing(house: House) -> None:
    hold = f"{house.environment['NOTIFIER_AMQP_QUEUE_PREFIX']}.hold.5"
    asyncio.run(_delete(house.environment["NOTIFIER_AMQP_URL"], hold))

    refused = house.notifier("run-consumers")

    assert refused.returncode != 0
    assert "the delay mechanism 'queues' is recorded ([amqp] delay), but at 127" in refused.stderr
    assert f"queue '{hold}' is missing; run `notifier topology apply`" in refused.stderr


def test_a_fleet_does_not_start_before_there_is_a_choice(house: House) -> None:
    house.execute("DELETE FROM notifier_delay")

    refused = house.notifier("run-consumers")

    assert refused.returncode != 0
    assert "no delay mechanism is chosen yet ([amqp] delay)" in refused.stderr


async def _delete(url: str, queue: str) -> None:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        await channel.queue_delete(queue)


def test_where_there_is_no_plugin_auto_takes_hold_queues_and_says_why(
    stack: Stack, sandbox: Sandbox, tmp_path: Path, plain_broker: Stack
) -> None:
    own = plain_broker.environment()
    changes = {name: own[name] for name in ("NOTIFIER_AMQP_URL", "NOTIFIER_AMQP_MANAGEMENT_URL")}
    with built(stack, sandbox, tmp_path, **changes) as house:
        house.sandbox.control.script(REFUSE_TWICE)
        house.start_fleet()
        records = house.publish_orders(50)
        house.expect_told_once(records, within_s=60)

        checked = house.notifier("check")
        assert checked.returncode == 0, checked.stdout
        assert "delay: queues (auto: " in checked.stdout
        assert "no exchange type 'x-delayed-message'" in checked.stdout


def _breakfast(number: int, due_at: datetime) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WECHAT,
        recipient=f"oCustomer_{number:08d}",
        template="designer",
        order_no=f"breakfast-{number}",
        due_at=due_at,
    )
