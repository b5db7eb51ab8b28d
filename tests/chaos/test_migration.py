"""Change over while hundreds wait: each is told once, none is lost, none comes early."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.stack import Stack
from tests.house import House, built, wait_for
from tests.sandbox.rig import Sandbox

MANY = 500
SOONEST_S, LAST_S = 12, 30
HORIZON_S = 20
BROKER = ("NOTIFIER_AMQP_URL", "NOTIFIER_AMQP_MANAGEMENT_URL")


@pytest.fixture(params=["exchange", "queues"])
def house(
    request: pytest.FixtureRequest, stack: Stack, sandbox: Sandbox, tmp_path: Path
) -> Iterator[House]:
    """Applied with one mechanism, and open to the other."""
    with built(stack, sandbox, tmp_path, NOTIFIER_AMQP_DELAY=request.param) as house:
        house.environment["NOTIFIER_AMQP_DELAY"] = "auto"
        house.environment["NOTIFIER_CALENDAR_HORIZON_S"] = str(HORIZON_S)
        yield house


def let_many_wait(house: House) -> Counter[str]:
    """In the broker and in the calendar, for tiers' delays and for moments; whom to tell."""
    now = datetime.now(UTC)
    step_s = (LAST_S - SOONEST_S) / MANY
    many = [
        _told(number, now + timedelta(seconds=SOONEST_S + number * step_s))
        for number in range(MANY - 100)
    ]
    many += [_told(number, timedelta(seconds=15)) for number in range(MANY - 100, MANY)]
    asyncio.run(house.accept(many))
    assert sum(house.states().values()) == MANY
    return Counter(submission.recipient for submission in many)


def _told(number: int, when: datetime | timedelta) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WECHAT,
        recipient=f"oCustomer_{number:08d}",
        template="designer",
        order_no=f"breakfast-{number}",
        due_at=when if isinstance(when, datetime) else None,
        delay=when if isinstance(when, timedelta) else None,
    )


def expect_all_told_once_and_in_time(house: House, people: Counter[str]) -> None:
    wait_for(lambda: house.states()["sent"] == MANY, 90, lambda: str(house.states()))
    assert house.effects() == people
    ((told, soonest_us),) = house.rows(
        "SELECT SUM(outcome = 'sent'), MIN(lateness_us) FROM notifier_attempt"
    )
    assert told == MANY
    assert soonest_us >= 0
    house.expect_clean_audit()


def migrate(house: House, *arguments: str) -> str:
    migrated = house.notifier("topology", "migrate", *arguments)
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    assert "Traceback" not in migrated.stderr
    return migrated.stdout


def the_other(house: House) -> str:
    ((mechanism,),) = house.rows("SELECT mechanism FROM notifier_delay")
    return "queues" if mechanism == "exchange" else "exchange"


def test_to_the_other_mechanism_and_the_fleet_starts_with_it(house: House) -> None:
    people = let_many_wait(house)
    before = house.rows("SELECT * FROM notifier_notification")
    to = the_other(house)

    planned = migrate(house, "--to", to, "--dry-run")
    assert f"→ {to}, at 127.0.0.1:" in planned
    assert house.rows("SELECT * FROM notifier_notification") == before
    assert the_other(house) == to

    assert "were given back to the calendar" in migrate(house, "--to", to)
    migrate(house, "--to", to)
    house.start_fleet()
    expect_all_told_once_and_in_time(house, people)
    assert f"delay    {to}, since " in house.notifier("topology", "show").stdout


def test_a_running_fleet_is_reloaded_and_what_is_left_can_be_pruned(house: House) -> None:
    house.start_fleet()
    people = let_many_wait(house)
    to = the_other(house)

    told = migrate(house, "--to", to)

    assert "fleet default: 6 processes replaced" in told
    expect_all_told_once_and_in_time(house, people)
    wait_for(lambda: "is gone" in house.notifier("topology", "prune").stdout, 60)
    checked = house.notifier("topology", "check")
    assert checked.returncode == 0, checked.stdout
    house.publish_orders(3)
    wait_for(lambda: house.states()["sent"] == MANY + 6, 30, lambda: str(house.states()))


def test_to_another_broker_that_is_empty_while_the_old_one_goes_on(
    house: House, plain_broker: Stack
) -> None:
    people = let_many_wait(house)
    own = plain_broker.environment()
    house.environment |= {name: own[name] for name in BROKER}

    told = migrate(house)

    assert "delay: queues (auto: " in told
    house.start_fleet()
    expect_all_told_once_and_in_time(house, people)


def test_settings_that_disagree_with_the_record_are_refused_with_what_to_do(house: House) -> None:
    to = the_other(house)
    house.environment["NOTIFIER_AMQP_DELAY"] = to

    for command in (("topology", "apply"), ("publish", "--order", "1##2##3##oL_1234##x##4")):
        refused = house.notifier(*command)
        assert refused.returncode != 0
        assert f"[amqp] delay (NOTIFIER_AMQP_DELAY) is {to!r}" in refused.stderr
        assert f"notifier topology migrate --to {to}" in refused.stderr

    house.environment["NOTIFIER_AMQP_DELAY"] = the_other(house)
