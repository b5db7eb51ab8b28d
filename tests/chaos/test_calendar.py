"""What waits in MySQL is handed over in time and once, whatever became of the fleet meanwhile."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from tests.house import House, wait_for

MANY = 100_000


@pytest.mark.alone
def test_a_moment_beyond_the_horizon_waits_in_the_calendar_and_is_told_in_time(
    house: House,
) -> None:
    house.environment["NOTIFIER_CALENDAR_HORIZON_S"] = "2"
    house.start_fleet()
    due_at = datetime.now(UTC) + timedelta(seconds=5)
    asyncio.run(house.accept([_reminder(1, due_at)]))
    assert house.states() == {"scheduled": 1}
    wait_for(lambda: house.states()["sent"], 20)
    ((lateness_us, tier),) = house.rows("SELECT lateness_us, tier FROM notifier_attempt")
    assert 0 <= lateness_us < 1_000_000
    assert tier == 1
    house.expect_clean_audit()


def test_what_the_broker_lost_is_published_again(house: House) -> None:
    records = house.publish_orders(20)
    queue = f"{house.environment['NOTIFIER_AMQP_QUEUE_PREFIX']}1"
    wait_for(lambda: house.purge(queue, once_it_has=len(records)), 20)
    house.start_fleet()
    house.expect_told_once(records, within_s=60)


@pytest.mark.timeout(420)
def test_a_hundred_thousand_that_became_due_without_a_fleet_are_not_published_twice(
    house: House,
) -> None:
    """They expire instead of being sent: what is tested is the calendar, not the receiver."""
    house.environment["NOTIFIER_CALENDAR_HORIZON_S"] = "1"
    house.environment["NOTIFIER_LOG_LEVEL"] = "info"
    house.environment["NOTIFIER_LOG_CONSOLE"] = "false"
    due_at = datetime.now(UTC) + timedelta(seconds=60)
    asyncio.run(house.accept([_reminder(n, due_at, expires=due_at) for n in range(MANY)]))
    assert house.states() == {"scheduled": MANY}
    wait_for(lambda: datetime.now(UTC) > due_at, 90)
    began = time.monotonic()
    house.start_fleet("--concurrency", "400")
    wait_for(lambda: house.states()["dead"] == MANY, 240, lambda: str(house.states()))
    published = sum(
        map(int, re.findall(r"calendar\.(?:promoted|swept) +count=(\d+)", house.logs()))
    )
    print(f"{MANY} told in {time.monotonic() - began:.0f} s with {published} messages")
    assert MANY <= published <= 1.05 * MANY
    ((attempts, notifications),) = house.rows(
        "SELECT COUNT(*), COUNT(DISTINCT notification_id) FROM notifier_attempt"
    )
    assert (attempts, notifications) == (MANY, MANY)
    house.expect_clean_audit()


def _reminder(number: int, due_at: datetime, *, expires: datetime | None = None) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WECHAT,
        recipient=f"oCustomer_{number:08d}",
        template="designer",
        order_no=f"breakfast-{number}",
        due_at=due_at,
        deadline_at=expires,
    )
