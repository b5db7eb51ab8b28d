"""A person's command that dies between its commit and its publish costs only time."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.house import House, wait_for

WHAT = (
    *("publish", "--to", "oCustomer_00000001", "--channel", "wechat", "--template", "designer"),
    *("--order-no", "breakfast-1"),
)


def killed_at(house: House, place: str, killed: Path, *arguments: str) -> None:
    house.environment["NOTIFIER_FAILPOINT"] = f"{place}@{killed}"
    assert house.notifier(*arguments).returncode == -signal.SIGKILL
    del house.environment["NOTIFIER_FAILPOINT"]
    assert killed.exists()


def test_what_publish_had_committed_is_told(house: House, tmp_path: Path) -> None:
    killed_at(house, "accepted_before_publish", tmp_path / "killed", *WHAT)
    house.start_fleet()
    wait_for(lambda: house.states()["sent"] == 1, 60, lambda: str(house.states()))
    house.expect_clean_audit()


@pytest.mark.parametrize("waits", ["an hour in the calendar", "some seconds at the broker"])
def test_what_reschedule_had_committed_is_told_once(
    house: House, tmp_path: Path, waits: str
) -> None:
    delay = "1h" if waits == "an hour in the calendar" else "15s"
    assert house.notifier(*WHAT, "--delay", delay).returncode == 0

    moved = ("reschedule", "breakfast-1", "--delay", "1s")
    killed_at(house, "changed_before_publish", tmp_path / "killed", *moved)
    house.start_fleet()

    wait_for(lambda: house.states()["sent"] == 1, 60, lambda: str(house.states()))
    assert list(house.effects().values()) == [1]
    house.expect_clean_audit()
