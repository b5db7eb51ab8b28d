"""A tier that a person lets rest: its messages wait in its queue, whatever the sweeper sees."""

from __future__ import annotations

import asyncio

from notifier.wiring.fleet import queue_depths
from tests.cli.acting import notifier
from tests.house import House, wait_for

FEW = 8
TIERS = {"NOTIFIER_FLEET_TIERS": "1,3", "NOTIFIER_LADDER_DELAYS_S": "1,3,3"}
REFUSED_ONCE = {
    "endpoint": "template_send",
    "per": "client_msg_id",
    "times": 1,
    "action": "errcode:-1",
}


def test_what_waits_for_a_resting_tier_is_neither_burnt_nor_brought_again_and_then_told(
    house: House,
) -> None:
    house.environment |= TIERS
    assert pause(house)
    house.start_fleet()  # its tier begins at rest
    house.sandbox.control.script([REFUSED_ONCE])
    records = house.publish_orders(FEW)
    wait_for(lambda: ready(house) == 2 * FEW, 40, lambda: f"{ready(house)} {house.states()}")
    expect_nothing_swept(house)

    assert notifier(house, "resume", "--tier", "3").returncode == 0
    house.expect_told_once(records, within_s=40)

    assert pause(house)  # this time its process is at work
    wait_for(lambda: house.logs().count("tier.rests") == 2, 20)
    more = house.publish_orders(FEW, first=FEW + 1)
    wait_for(lambda: ready(house) == 2 * FEW, 40, lambda: f"{ready(house)} {house.states()}")
    expect_nothing_swept(house)
    shown = notifier(house, "status").stdout
    assert "tier 3s rests since" in shown
    assert "paused" in shown
    explained = notifier(house, "explain", more[0].order_no).stdout
    assert "tier 3s is at rest: a trial" in " ".join(explained.split())

    assert notifier(house, "resume", "--tier", "3").returncode == 0
    house.expect_told_once([*records, *more], within_s=40)
    assert house.rows("SELECT MIN(attempt), MAX(attempt) FROM notifier_notification") == [(2, 2)]


def pause(house: House) -> bool:
    return notifier(house, "pause", "--tier", "3", "--reason", "a trial").returncode == 0


def ready(house: House) -> int:
    """Messages in the tier's queue."""
    return (asyncio.run(queue_depths(house.settings)) or {}).get(3, 0)


def expect_nothing_swept(house: House) -> None:
    due = "UPDATE notifier_notification SET next_sweep_at = NOW(6) WHERE state = 'waiting'"
    for _ in range(2):
        house.execute(due)
        wait_for(lambda: looked_at(house) == 2 * FEW, 20)
    assert ready(house) == 2 * FEW
    assert house.rows("SELECT DISTINCT sweeps, postponements FROM notifier_notification") == [
        (0, 0)
    ]


def looked_at(house: House) -> int:
    sql = (
        "SELECT COUNT(*) FROM notifier_notification WHERE state = 'waiting' "
        "AND next_sweep_at > NOW(6) + INTERVAL 15 SECOND"
    )
    return int(house.rows(sql)[0][0])
