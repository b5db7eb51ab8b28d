"""A task is given up, and whoever dies just then: its owner is told so, once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from tests.house import House, wait_for

ROOT = Path(__file__).parents[2]
COUNT = 5


@pytest.fixture(autouse=True)
def _package(house: House) -> None:
    house.environment |= {
        "PYTHONPATH": str(ROOT),
        "NOTIFIER_TASKS_REGISTRY": "tests.gateway.some_tasks",
    }


def submit(house: House, name: str, count: int) -> None:
    """For owners anna0, anna1, …"""
    tasks = [
        Submission(
            role=Role.RECIPIENT,
            channel=ChannelName.TASK,
            recipient=f"anna{number}",
            template=name,
            payload={"numbers": [number]},
            delay=timedelta(0),
        )
        for number in range(count)
    ]
    asyncio.run(house.accept(tasks))


def told(house: House) -> list[tuple[str, int]]:
    """(owner, code) of each push."""
    rows = house.rows(
        "SELECT recipient, payload FROM notifier_notification WHERE channel = 'push' "
        "ORDER BY recipient"
    )
    return [(row[0], orjson.loads(row[1])["code"]) for row in rows]


def untold(house: House) -> int:
    """Tasks that have not ended, or whose owners are still to be told."""
    rows = house.rows(
        "SELECT id FROM notifier_notification WHERE channel = 'task' "
        "AND (settled_at IS NULL OR next_sweep_at IS NOT NULL)"
    )
    return len(rows)


@pytest.mark.parametrize("gap", ["before_ack", "fate_before_publish"])
def test_the_owner_of_a_task_that_is_given_up_is_told_whoever_dies_just_then(
    house: House, tmp_path: Path, gap: str
) -> None:
    killed = tmp_path / "killed"
    house.start_fleet(NOTIFIER_FAILPOINT=f"{gap}@{killed}")
    submit(house, "unheard-of", COUNT)
    wait_for(lambda: killed.exists() and not untold(house), 60, lambda: str(told(house)))
    assert house.states()["dead"] == COUNT
    assert told(house) == [(f"anna{number}", 500) for number in range(COUNT)]
    house.expect_clean_audit()


def test_who_has_a_result_is_not_told_of_a_failure_afterwards(house: House) -> None:
    """A repetition may fail, after a process died that had handed the result on."""
    house.start_fleet()
    submit(house, "add", 1)
    wait_for(lambda: told(house) == [("anna0", 200)] and not untold(house), 60)
    house.execute(
        "UPDATE notifier_notification SET state = 'dead', next_sweep_at = NOW(6) "
        "WHERE channel = 'task'"
    )
    wait_for(lambda: not untold(house), 60)
    assert told(house) == [("anna0", 200)]
