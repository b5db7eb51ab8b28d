"""`notifier publish` with what people really type: a clear error, exit code 2, nothing sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aio_pika
import orjson
import pytest

from notifier.stack import Stack
from tests.core import own_schema
from tests.house import House

GOOD = "1912136916313##150481##1795262400##oLvqQwo25p5myELvO5VXj0k-7ngk##李伟测试##13926"
OTHER = GOOD.replace("1912136916313", "1912136916314").replace("150481", "150482")
NOWHERE = "127.0.0.1:1"


def told(house: House, *arguments: str, code: int, text: str = "") -> str:
    """What the command said, after it ended with this exit code and without a traceback."""
    done = house.notifier("publish", *arguments, text=text)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    return said


def with_settings(house: House, **variables: str) -> House:
    return replace(house, environment=house.environment | variables)


def rows(house: House) -> int:
    return int(house.rows("SELECT COUNT(*) FROM notifier_notification")[0][0])


BAD_RECORDS = [
    ("1912136916313##150481##1795262400", "record: ", "3 fields"),
    (GOOD + "##1", "record: ", "7 fields"),
    (GOOD.replace("1912136916313", "a b"), "order_no: ", "'a b'"),
    (GOOD.replace("150481", "15o481"), "order_id: ", "'15o481'"),
    (GOOD.replace("13926", "x"), "designer_id: ", "'x'"),
    (GOOD.replace("oLvqQwo25p5myELvO5VXj0k-7ngk", ""), "openid: ", "is empty"),
    (GOOD.replace("1795262400", "tomorrow"), "claim_deadline: ", "'tomorrow'"),
    (GOOD.replace("1795262400", "1795262400000"), "claim_deadline: ", "milliseconds"),
    (GOOD.replace("李伟测试", "李" * 300), "designer_name: ", "300 characters"),
    (GOOD.replace("李伟测试", "李\x07伟"), "designer_name: ", "U+0007"),
    (GOOD.replace("李伟测试", "李\x0b伟"), "designer_name: ", "U+000B"),
    ("1912999999999", "order: ", "no order '1912999999999'"),
]


def test_every_bad_record_of_a_file_is_listed_with_its_field_and_its_value(house: House) -> None:
    text = "\n".join([GOOD, *(record for record, _, _ in BAD_RECORDS), OTHER])
    said = told(house, "--file", "-", code=2, text=text).splitlines()
    for number, (_, field, fault) in enumerate(BAD_RECORDS, 2):
        line = said[number - 2]
        assert line.startswith(f"line {number}: {field}")
        assert fault in line
    assert rows(house) == 0


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (GOOD.replace("150481", "15o481"), "error: order_id: '15o481'"),
        ("1912999999999", "error: order: no order '1912999999999'"),
        ("", "error: order: has no record"),
    ],
)
def test_a_bad_record_is_refused_with_its_field_and_its_value(
    house: House, record: str, says: str
) -> None:
    assert says in told(house, "--order", record, code=2)
    assert rows(house) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "one of --order, --file and --to"),
        (["--order", GOOD, "--at", "soon"], "'soon'"),
        (["--order", GOOD, "--at", ""], "at: ''"),
        (["--order", GOOD, "--delay", "-5"], "'-5'"),
        (["--order", GOOD, "--delay", ""], "delay: ''"),
        (["--order", GOOD, "--delay", "5m", "--at", "1795262400"], "--at or --delay"),
        (["--order", GOOD, "--openid", "oSomebody"], "--designer-id"),
        (["--file", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_options_that_contradict_or_mean_nothing_are_refused(
    house: House, arguments: list[str], says: str
) -> None:
    assert says in told(house, *arguments, code=2)
    assert rows(house) == 0


@pytest.mark.parametrize(
    ("tiers", "says"), [("", "empty"), ("3,1", "sort"), ("1,3,3", "3 is given twice")]
)
def test_a_bad_tier_list_is_refused_wherever_it_is_read(
    house: House, tiers: str, says: str
) -> None:
    said = told(with_settings(house, NOTIFIER_FLEET_TIERS=tiers), "--order", GOOD, code=2)
    assert "NOTIFIER_FLEET_TIERS" in said
    assert says in said


def test_an_unreachable_database_is_named_with_its_address(house: House) -> None:
    away = with_settings(house, NOTIFIER_MYSQL_URL=f"mysql://root:hunter2@{NOWHERE}/notifier")
    said = told(away, "--order", GOOD, code=1)
    assert "MySQL" in said
    assert NOWHERE in said
    assert "hunter2" not in said


def test_with_the_broker_down_it_is_accepted_and_looked_at_as_soon_as_it_is_back(
    house: House,
) -> None:
    away = with_settings(house, NOTIFIER_AMQP_URL=f"amqp://guest:hunter2@{NOWHERE}/")
    said = told(away, "--order", GOOD, "--delay", "5s", code=0)
    assert "will be sent when the broker is back" in said
    assert NOWHERE in said
    assert "hunter2" not in said
    assert house.rows("SELECT state, next_sweep_at <= NOW(6) FROM notifier_notification") == [
        ("waiting", 1)
    ]


def test_a_missing_table_of_ours_asks_for_the_upgrade(house: House, stack: Stack) -> None:
    with own_schema(stack, upgraded=False) as options:
        empty = with_settings(house, NOTIFIER_MYSQL_URL=options.url)
        assert "notifier db upgrade" in told(empty, "--order", GOOD, code=1)


def test_a_missing_order_table_asks_for_the_settings(house: House) -> None:
    theirs = with_settings(house, NOTIFIER_ORDERS_TABLE="shop_nowhere")
    said = told(theirs, "--order", "1912136916313", code=1)
    assert "shop_nowhere" in said
    assert "[orders]" in said


def test_a_missing_column_of_the_order_table_asks_for_the_settings(house: House) -> None:
    theirs = with_settings(house, NOTIFIER_ORDERS_PUBLISHER_COLUMN="nobody")
    said = told(theirs, "--order", "1912136916313", code=1)
    assert "nobody" in said
    assert "[orders]" in said


def test_an_order_number_without_its_designer_is_refused(house: House) -> None:
    house.publish_orders(1)
    said = told(house, "--order", "1912000000001", code=2)
    assert "--openid" in said


def test_every_bad_line_is_listed_and_nothing_is_sent(house: House, tmp_path: Path) -> None:
    file = tmp_path / "orders.txt"
    bad = [GOOD.replace("150481", "x"), "1##2", GOOD.replace("李伟测试", "")]
    file.write_text("\n".join([GOOD, bad[0], "", "# a remark", bad[1], OTHER, bad[2]]) + "\n")
    said = told(house, "--file", str(file), code=2)
    for line, field in ((2, "order_id"), (5, "record"), (7, "designer_name")):
        assert f"line {line}: {field}: " in said
    assert "3 bad lines, nothing sent" in said
    assert rows(house) == 0


def test_skip_bad_sends_the_good_ones_and_lists_the_bad(house: House) -> None:
    text = "\n".join([GOOD, "1##2", OTHER])
    said = told(house, "--file", "-", "--skip-bad", code=0, text=text)
    assert "line 2: record: " in said
    assert "2 accepted, 0 known already, 1 bad" in said
    assert rows(house) == 2


def test_skip_bad_with_nothing_good_is_an_error(house: House) -> None:
    said = told(house, "--file", "-", "--skip-bad", code=2, text="1##2\n")
    assert "line 1: record: " in said


def test_a_file_with_nothing_in_it_is_an_error(house: House) -> None:
    assert "no record" in told(house, "--file", "-", code=2, text="\n# nothing\n")


def test_a_file_that_is_not_utf8_is_refused(house: House, tmp_path: Path) -> None:
    file = tmp_path / "orders.txt"
    file.write_bytes(GOOD.encode("gbk"))
    assert "is not UTF-8" in told(house, "--file", str(file), code=2)


def test_a_file_that_windows_wrote_is_read(house: House, tmp_path: Path) -> None:
    file = tmp_path / "orders.txt"
    file.write_bytes(b"\xef\xbb\xbf" + f"{GOOD}\r\n{OTHER}\r\n".encode())
    assert "2 accepted" in told(house, "--file", str(file), code=0)


def test_the_same_record_twice_makes_one_notification_and_again_another(house: House) -> None:
    assert "accepted" in told(house, "--order", GOOD, code=0)
    assert "known already" in told(house, "--order", GOOD, code=0)
    assert rows(house) == 1
    assert "known already" not in told(house, "--order", GOOD, "--again", code=0)
    assert rows(house) == 2


def test_json_lists_what_was_accepted_and_what_was_bad(house: House) -> None:
    done = house.notifier("publish", "--file", "-", "--skip-bad", "--json", text=f"{GOOD}\n1##2\n")
    document = orjson.loads(done.stdout)
    assert [item["order_no"] for item in document["accepted"]] == ["1912136916313"]
    assert document["accepted"][0]["new"] is True
    assert document["bad"] == [
        {"line": 2, "field": "record", "reason": document["bad"][0]["reason"]}
    ]
    assert done.returncode == 0


def test_an_exchange_of_the_same_name_but_another_type_is_named(house: House) -> None:
    async def declare(name: str) -> None:
        async with await aio_pika.connect(house.environment["NOTIFIER_AMQP_URL"]) as connection:
            channel = await connection.channel()
            await channel.declare_exchange(name, "direct", durable=True)

    name = house.environment["NOTIFIER_AMQP_EXCHANGE"] + ".other"
    asyncio.run(declare(name))
    other = with_settings(house, NOTIFIER_AMQP_EXCHANGE=name)
    for command in ("apply", "check"):
        done = other.notifier("topology", command)
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert "Traceback" not in said
        assert name in said
        assert "direct" in said


def test_an_order_of_the_table_is_published_by_its_number(house: House) -> None:
    (record,) = house.publish_orders(1, first=7)
    designer = ["--openid", "oSomebody_1", "--designer-id", "5", "--designer-name", "王芳"]
    told(house, "--order", record.order_no, *designer, "--at", "2099-01-01T08:00", code=0)
    found = house.rows(
        "SELECT order_id, designer_id, designer_name, state, due_at FROM notifier_notification "
        "WHERE recipient = 'oSomebody_1'"
    )
    assert found == [(7, 5, "王芳", "scheduled", datetime(2099, 1, 1, tzinfo=UTC))]
