"""`check`, `topology`, `settings` and `db`: each problem on a line with its remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import aio_pika
import pytest

from notifier.sandbox.options import APP_SECRET
from notifier.store.upgrade import newest
from tests.cli.acting import notifier
from tests.house import House, json_of


def with_environment(house: House, **changes: str) -> House:
    return replace(house, environment=house.environment | changes)


def test_a_furnished_house_is_ready(house: House) -> None:
    checked = notifier(house, "check")

    assert checked.returncode == 0, checked.stdout
    subjects = [line.split()[1].rstrip(":") for line in checked.stdout.splitlines()]
    assert subjects == [
        "settings",
        "MySQL",
        "orders",
        "Redis",
        "RabbitMQ",
        "WeChat",
        "webhooks",
        "pauses",
        "outbox",
        "intake",
        "gateway",
    ]
    assert all(line.startswith("ok ") for line in checked.stdout.splitlines())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"NOTIFIER_MYSQL_URL": "mysql://root@127.0.0.1:1/notifier"},
            "problem  MySQL: MySQL at 127.0.0.1:1 does not answer",
        ),
        (
            {"NOTIFIER_REDIS_URL": "redis://127.0.0.1:1/0"},
            "problem  Redis: Redis at 127.0.0.1:1 does not answer",
        ),
        (
            {"NOTIFIER_AMQP_URL": "amqp://guest:guest@127.0.0.1:1/"},
            "problem  RabbitMQ: RabbitMQ at 127.0.0.1:1 does not answer",
        ),
        (
            {"NOTIFIER_AMQP_MANAGEMENT_URL": "http://a:b@127.0.0.1:1"},
            "problem  RabbitMQ: RabbitMQ's management API at 127.0.0.1:1 does not answer",
        ),
        ({"NOTIFIER_ORDERS_TABLE": "nix"}, "nix' doesn't exist; set [orders] table"),
        ({"NOTIFIER_ORDERS_STATUS_COLUMN": "nix"}, "problem  orders: "),
        ({"NOTIFIER_AMQP_EXCHANGE": "nix"}, "'nix' is missing; run `notifier topology apply`"),
        ({"NOTIFIER_WECHAT_APP_ID": ""}, "problem  WeChat: [wechat] app_id: not set"),
        ({"NOTIFIER_WECHAT_CA_FILE": "/nix/ca.pem"}, "there is no /nix/ca.pem"),
        ({"NOTIFIER_CONFIG": "/nix/notifier.toml"}, "/nix/notifier.toml"),
        ({"NOTIFIER_AMPQ_URL": "amqp://x"}, "NOTIFIER_AMPQ_URL is set, and no setting has this"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_each_problem_is_a_line(house: House, changes: dict[str, str], problem: str) -> None:
    checked = notifier(house, "check", **changes)

    assert checked.returncode in (1, 2)
    assert problem in checked.stdout + checked.stderr
    assert "Traceback" not in checked.stderr


def test_secrets_that_others_can_read_are_a_problem(house: House, tmp_path: Path) -> None:
    config = tmp_path / "notifier.toml"
    config.write_text('[redis]\nurl = "redis://:hush@127.0.0.1:1/0"\n')
    config.chmod(0o644)
    secret = tmp_path / "secret"
    secret.write_text("hush")
    secret.chmod(0o640)

    checked = notifier(
        house,
        "check",
        NOTIFIER_CONFIG=str(config),
        NOTIFIER_WECHAT_APP_SECRET_FILE=str(secret),
    )

    assert f"{config} holds a secret, and others can read it; chmod 600 {config}" in checked.stdout
    assert f"others can read {secret}; chmod 600" in checked.stdout
    assert "hush" not in checked.stdout + checked.stderr


def test_tables_of_another_version_are_a_problem(house: House) -> None:
    house.execute("UPDATE notifier_version SET version_num = '0000'")
    try:
        checked = notifier(house, "check", "--json")
    finally:
        house.execute(f"UPDATE notifier_version SET version_num = '{newest()}'")

    assert checked.returncode == 1
    mysql = next(item for item in json_of(checked.stdout) if item["subject"] == "MySQL")
    (fault,) = mysql["seen"]["faults"]
    assert fault["what"].startswith("tables at 0000, this program needs ")
    assert fault["remedy"] == "run `notifier db upgrade`"


def test_an_empty_schema_is_upgraded_once(house: House) -> None:
    with another_schema(house) as empty:
        before = notifier(empty, "check")
        first = notifier(empty, "db", "upgrade")
        second = notifier(empty, "db", "upgrade")

    assert "notifier_version' doesn't exist; run `notifier db upgrade`" in before.stdout
    assert first.stdout.startswith("tables empty → ")
    assert second.stdout.startswith("tables at ")
    assert (first.returncode, second.returncode) == (0, 0)


@contextmanager
def another_schema(house: House) -> Iterator[House]:
    house.execute("CREATE DATABASE notifier_empty_one")
    url = house.environment["NOTIFIER_MYSQL_URL"].rsplit("/", 1)[0]
    try:
        yield with_environment(house, NOTIFIER_MYSQL_URL=f"{url}/notifier_empty_one")
    finally:
        house.execute("DROP DATABASE notifier_empty_one")


def test_a_topology_that_is_applied_is_as_the_settings_ask(house: House) -> None:
    other = with_environment(house, NOTIFIER_FLEET_TIERS="1,3,5,15,30,60")
    assert notifier(other, "topology", "check").returncode == 1

    applied = notifier(other, "topology", "apply")

    assert applied.returncode == 0
    assert "queue60" in applied.stdout
    checked = notifier(other, "topology", "check")
    assert checked.returncode == 0, checked.stdout


def test_an_exchange_of_another_type_is_refused_with_what_to_do(house: House) -> None:
    name = f"{house.environment['NOTIFIER_AMQP_EXCHANGE']}.other"

    async def declare() -> None:
        connection = await aio_pika.connect(house.environment["NOTIFIER_AMQP_URL"])
        async with connection, connection.channel() as channel:
            await channel.declare_exchange(name, "fanout", durable=True)

    asyncio.run(declare())
    other = with_environment(house, NOTIFIER_AMQP_EXCHANGE=name)

    applied = notifier(other, "topology", "apply")
    checked = notifier(other, "topology", "check")

    assert applied.returncode == 1
    assert f"exchange '{name}': its type is fanout" in applied.stderr
    assert checked.returncode == 1
    assert "type is fanout, expected x-delayed-message" in checked.stdout


def test_settings_are_printed_with_their_meaning_and_without_secrets(house: House) -> None:
    password = house.environment["NOTIFIER_MYSQL_URL"].split(":")[2].split("@")[0]

    plain = notifier(house, "settings").stdout
    lines = {f"{x['section']}.{x['name']}": x for x in json_of(_json(house))}

    for text in (plain, _json(house)):
        assert password not in text
        assert APP_SECRET not in text
    assert "NOTIFIER_FLEET_DRAIN_S  How long SIGTERM lets work in flight finish, seconds" in plain
    assert lines["fleet.drain_s"]["bounds"] == ">= 0, <= 600"
    assert lines["wechat.app_secret"]["value"] == "***"
    assert lines["fleet.tiers"]["is_default"] is True
    assert lines["amqp.exchange"]["is_default"] is False


def _json(house: House) -> str:
    return notifier(house, "settings", "--json").stdout


def test_a_bad_setting_is_named_with_its_variable(house: House) -> None:
    checked = notifier(house, "check", NOTIFIER_FLEET_DRAIN_S="soon")

    assert checked.returncode == 2
    assert "NOTIFIER_FLEET_DRAIN_S" in checked.stderr
