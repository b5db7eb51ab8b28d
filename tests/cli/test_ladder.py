"""`notifier ladder`, and what `publish` makes of a ladder and a deadline."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.cli.acting import notifier
from tests.house import House

RECORD = "1912136916313##150481##1795262400##oLvqQwo25p5myELvO5VXj0k-7ngk##李伟测试##13926"


def test_a_ladder_is_shown_with_its_moments(house: House) -> None:
    shown = notifier(house, "ladder", "show", "wechatpay", "--from", "2026-11-21T12:00+08:00")

    lines = shown.stdout.splitlines()
    assert (shown.returncode, len(lines)) == (0, 17)
    assert lines[1].split() == ["1", "2026-11-21", "12:00:00+08:00", "+0", "s", "at", "once"]
    assert lines[2].endswith("+15 s  tier 15 s")
    assert lines[16].split()[1:3] == ["2026-11-22", "12:04:00+08:00"]


def test_the_list_has_the_built_in_ones_and_the_users_own(house: House) -> None:
    mine = {"NOTIFIER_LADDER_NAMED": json.dumps({"mine": {"delays_s": [7, 90], "jitter": 0.2}})}
    listed = notifier(house, "ladder", "list", **mine)

    assert listed.returncode == 0, listed.stderr
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [
        *("default", "alipay", "wechatpay", "mine")
    ]
    assert listed.stdout.splitlines()[-1].endswith("7 s, 90 s; up to 20% later")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--ladder", "nix"], "error: ladder: there is no 'nix'; there are default, alipay"),
        (["--deadline", "2020-01-01"], "error: deadline: 2020-01-01 is not after the first"),
        (["--at", "2099-01-02", "--deadline", "2099-01-01"], "error: deadline: 2099-01-01"),
    ],
)
def test_a_ladder_or_a_deadline_that_cannot_be_is_bad_input(
    house: House, arguments: list[str], says: str
) -> None:
    refused = notifier(house, "publish", "--order", RECORD, *arguments)
    assert (refused.returncode, refused.stderr[: len(says)]) == (2, says)
    assert house.rows("SELECT COUNT(*) FROM notifier_notification") == [(0,)]


def test_what_is_published_has_its_ladder_and_its_deadline(house: House) -> None:
    done = notifier(
        house, "publish", "--order", RECORD, "--ladder", "alipay", "--deadline", "2099-01-01T00:00Z"
    )
    assert done.returncode == 0, done.stderr
    rows = house.rows("SELECT ladder, deadline_at FROM notifier_notification")
    assert rows == [("alipay", datetime(2099, 1, 1, tzinfo=UTC))]
