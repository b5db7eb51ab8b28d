"""`notifier outbox`: what was kept aside is shown, retried or dropped; `check` speaks of it."""

from __future__ import annotations

import orjson

from tests.cli.acting import Done, notifier
from tests.house import House

OPENID = "oLvqQwo25p5myELvO5VXj0k"


def outbox(house: House, *arguments: str, code: int = 0) -> Done:
    done = notifier(house, "outbox", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def keep_aside(house: House, number: int) -> None:
    house.execute(
        "INSERT INTO notifier_outbox_rejected (id, channel, recipient, reason, rejected_at) "
        f"VALUES ({number}, 'wechat', '{OPENID}', 'template: wechat needs one', NOW(6))"
    )


def count(house: House, table: str) -> int:
    return int(house.rows(f"SELECT COUNT(*) FROM {table}")[0][0])


def test_an_empty_outbox_is_well(house: House) -> None:
    assert "0 rows wait; 0 were kept aside" in outbox(house, "list").stdout
    assert "ok       outbox: 0 rows wait" in notifier(house, "check").stdout


def test_what_was_kept_aside_is_shown_with_the_reason_and_without_the_openid(house: House) -> None:
    keep_aside(house, 4711)
    said = outbox(house, "list").stdout
    assert "4711" in said
    assert "template: wechat needs one" in said
    assert OPENID not in said
    document = orjson.loads(outbox(house, "list", "--json").stdout)
    assert document["kept_aside"] == 1
    assert [row["id"] for row in document["rejected"]] == [4711]
    checked = notifier(house, "check")
    assert "problem  outbox: 1 rows broke a rule and were kept aside" in checked.stdout


def test_a_row_is_retried_or_dropped_and_others_are_left_alone(house: House) -> None:
    for number in (1, 2, 3):
        keep_aside(house, number)
    assert "1 rows back in the outbox" in outbox(house, "retry", "1").stdout
    assert "1 rows dropped" in outbox(house, "drop", "2").stdout
    assert house.rows("SELECT id FROM notifier_outbox") == [(1,)]
    assert house.rows("SELECT id FROM notifier_outbox_rejected") == [(3,)]
    outbox(house, "retry", "--all")
    assert (count(house, "notifier_outbox"), count(house, "notifier_outbox_rejected")) == (2, 0)


def test_what_is_not_there_or_not_said_is_refused(house: House) -> None:
    assert "no row 9 was kept aside" in outbox(house, "drop", "9", code=1).stderr
    assert "give a row's id, or --all" in outbox(house, "drop", code=2).stderr
    assert "give a row's id, or --all" in outbox(house, "retry", "9", "--all", code=2).stderr


def test_rows_that_no_fleet_takes_are_a_problem(house: House) -> None:
    house.execute(
        "INSERT INTO notifier_outbox (channel, recipient, created_at) "
        "VALUES ('push', 'user-1', NOW(6) - INTERVAL 60 SECOND)"
    )
    assert "problem  outbox: 1 rows wait, the first for 6" in notifier(house, "check").stdout


def test_a_forgotten_person_is_in_the_outbox_no_more(house: House) -> None:
    keep_aside(house, 1)
    house.execute(f"INSERT INTO notifier_outbox (channel, recipient) VALUES ('wechat', '{OPENID}')")
    done = notifier(house, "forget", "--openid", OPENID, "--yes")
    assert done.returncode == 0, done.stderr
    assert (count(house, "notifier_outbox"), count(house, "notifier_outbox_rejected")) == (0, 0)
