"""What people do while a notification waits in the broker counts when its message comes."""

from __future__ import annotations

from collections import Counter

from tests.house import House, publisher_of, wait_for


def test_what_was_grabbed_cancelled_or_put_off_meanwhile_is_not_told(house: House) -> None:
    grabbed, withdrawn, cancelled, put_off, hastened, left = records = house.publish_orders(6)
    house.execute(
        "UPDATE tg_order_task SET status = 1, design_userid = 777 "
        f"WHERE order_id = {grabbed.order_id}"
    )
    house.execute(f"UPDATE tg_order_task SET status = 4 WHERE order_id = {withdrawn.order_id}")
    for command in (
        ("cancel", cancelled.order_no),
        ("reschedule", put_off.order_no, "--delay", "1h"),
        ("reschedule", hastened.order_no, "--delay", "0s"),
    ):
        done = house.notifier(*command)
        assert done.returncode == 0, done.stderr

    house.start_fleet()
    wait_for(
        lambda: house.states() == {"sent": 4, "cancelled": 3, "scheduled": 1},
        60,
        lambda: str(house.states()),
    )

    told = [who for one in (hastened, left) for who in (one.openid, publisher_of(one))]
    assert house.effects() == Counter(told)
    rows = house.rows(
        "SELECT order_no, reason FROM notifier_notification "
        "WHERE state IN ('cancelled', 'scheduled') ORDER BY order_no"
    )
    assert [row[0] for row in rows] == [record.order_no for record in records[:4]]
    assert [row[1].split(" by ")[0] for row in rows] == [
        "taken_by_another",
        "order_cancelled",
        "cancelled",
        "",
    ]
    house.expect_clean_audit()
