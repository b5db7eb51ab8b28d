"""Programs in PHP that share the exchange and its queues with us, as older ones declare them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.domain.order import record_text
from notifier.stack import Stack
from tests.house import House, built, json_of, wait_for
from tests.php.programs import Shop
from tests.sandbox.rig import Sandbox

PAGE = (Path(__file__).parents[2] / "docs" / "legacy.md").read_text(encoding="utf-8")
TIERS = ("1", "3", "5", "15", "30")
REFUSE_ONCE = [
    {"endpoint": "template_send", "action": "errcode:-1", "times": 1, "per": "client_msg_id"}
]


@pytest.fixture
def house(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    changes = {
        "NOTIFIER_AMQP_QUEUE_TYPE": "classic",
        "NOTIFIER_AMQP_DELAYED_TYPE": "topic",
        "NOTIFIER_AMQP_ACCEPT_FOREIGN_ORDERS": "true",
    }
    with built(stack, sandbox, tmp_path, **changes) as house:
        yield house


@pytest.mark.parametrize("is_php_first", [True, False], ids=["PHP first", "notifier first"])
def test_the_same_objects_whoever_declares_them_first_and_a_ladder_in_php_climbs_them(
    house: House, is_php_first: bool
) -> None:
    """Such programs bind the first tier's queue only; the others are bound by us."""
    for name in ("EXCHANGE", "QUEUE_PREFIX", "DEAD_QUEUE"):
        house.environment[f"NOTIFIER_AMQP_{name}"] += ".php"
    shop = Shop(house, ms_per_s=20)
    if is_php_first:
        shop.produce(*TIERS)
    applied = house.notifier("topology", "apply")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    bodies = [f"[{number} - {number * 7}] hello world" for number in range(50)]
    with shop.consuming(*TIERS):
        shop.produce("1", bodies=bodies)
        wait_for(lambda: len(shop.received("30")) >= len(bodies), 60)
    for tier in TIERS:
        assert sorted(shop.received(tier)) == sorted(bodies)
    checked = house.notifier("topology", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_order_from_php_is_told_once_and_neither_gets_what_is_the_others(house: House) -> None:
    house.sandbox.control.script(REFUSE_ONCE)
    shop = Shop(house, ms_per_s=100)
    records = house.put_orders(5)
    orders = [record_text(record) for record in records]
    unreadable = ["[1 - 7] hello world", orders[0].replace("oDesigner_", "o Designer_")]
    shop.produce("1", bodies=orders)
    shop.produce("30", bodies=[*orders, *unreadable])
    house.start_fleet()
    with shop.consuming("7"):
        shop.produce("7", bodies=orders)
        house.expect_told_once(records, within_s=60)
        wait_for(lambda: len(shop.received("7")) >= len(orders), 60)
    assert sorted(shop.received("7")) == sorted(orders)
    wait_for(lambda: len(_buried(house)) == 2, 60)
    assert sorted(reason.partition(" ")[0] for reason in _buried(house)) == ["openid:", "record:"]


def test_the_statements_of_the_page_hand_in_an_order(house: House) -> None:
    (program,) = re.findall(r"^```php\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    own = house.settings.amqp
    program = program.replace("'delay'", f"'{own.exchange}'")
    program = program.replace("'delay_queue", f"'{own.queue_prefix}")
    house.start_fleet()
    Shop(house).run(program)
    sql = "SELECT order_no, recipient FROM notifier_notification"
    wait_for(lambda: house.rows(sql), 60)
    assert house.rows(sql) == [("1912136916313", "oLvqQwo25p5myELvO5VXj0k-7ngk")]


def _buried(house: House) -> list[str]:
    shown = house.notifier("dlq", "list", "--queue", "--json")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    return [row["reason"] for row in json_of(shown.stdout)]
