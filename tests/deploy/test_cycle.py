"""A whole round with the rights of a deployment, and no password where it could be seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import psutil
import pytest

from notifier.broker.connection import open_connection
from notifier.broker.topology import Topology
from notifier.stack import Stack
from tests.deploy.image import Image
from tests.gateway.running import new_key, started
from tests.house import House, built, wait_for
from tests.sandbox.rig import Sandbox

NAMES = Topology()
REFUSE_ONCE = [
    {"endpoint": "template_send", "action": "errcode:-1", "times": 1, "per": "openid"},
]


@pytest.fixture(params=["exchange", "queues"])
def mechanism(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def house(
    stack: Stack, image: Image, sandbox: Sandbox, tmp_path: Path, mechanism: str
) -> Iterator[House]:
    """With the names that definitions.json knows, on the image's broker."""
    names = {
        "NOTIFIER_AMQP_EXCHANGE": NAMES.exchange,
        "NOTIFIER_AMQP_QUEUE_PREFIX": NAMES.queue_prefix,
        "NOTIFIER_AMQP_DEAD_QUEUE": NAMES.dead_queue,
        "NOTIFIER_AMQP_DELAY": mechanism,
    }
    settings = names | image.settings("notifier-topology")
    with built(stack, sandbox, tmp_path, **settings) as house:
        house.environment |= image.settings("notifier-publisher")
        yield house


def test_orders_are_told_after_a_retry_and_what_is_unreadable_is_seen_by_the_operator(
    house: House, image: Image, mechanism: str
) -> None:
    house.sandbox.control.script(REFUSE_ONCE)
    fleet = house.start_fleet(**image.settings("notifier-fleet"))
    asyncio.run(publish(image, f"unreadable by {mechanism}".encode()))
    records = house.publish_orders(5)

    house.expect_told_once(records, within_s=60)

    retried = house.rows("SELECT COUNT(*) FROM notifier_attempt WHERE attempt = 2")
    assert retried == [(2 * len(records),)]
    family = [psutil.Process(fleet.pid), *psutil.Process(fleet.pid).children(recursive=True)]
    assert_no_password_is_seen(family, image)
    house.environment |= image.settings("notifier-operator")
    wait_for(lambda: f"unreadable by {mechanism}" in buried(house), 20)
    checked = house.notifier("topology", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_gateway_hands_over_what_it_accepts_and_counts_what_waits(
    house: House, image: Image
) -> None:
    """With the rights and the secrets that docker-compose.yml gives it; WeChat's are empty."""
    key = new_key(house, "shop", "submit", "read")
    callback = {
        f"NOTIFIER_WECHAT_CALLBACK_{name.upper()}_FILE": str(
            image.secrets / f"wechat-callback-{name}"
        )
        for name in ("token", "key")
    }
    settings = image.settings("notifier-operator") | callback
    notice = {"channel": "push", "recipient": "user-7", "delay": "15s"}
    with (
        started(house, **settings) as gateway,
        gateway.client(authorization=f"Bearer {key}") as client,
    ):
        accepted = client.post("/v1/notifications", json=notice)
        metrics = client.get("/metrics").text
        receipts = client.post("/wechat/callback")

    assert (accepted.status_code, accepted.json()["held_up"]) == (201, "")
    assert 'notifier_queue_ready{tier="1"}' in metrics
    assert receipts.status_code == 404


def test_the_publisher_cannot_apply_the_topology_and_is_told_why(
    house: House, image: Image
) -> None:
    refused = house.notifier("topology", "apply")
    assert refused.returncode != 0
    assert "ACCESS_REFUSED" in refused.stderr
    assert "configure" in refused.stderr
    assert image.password("notifier-publisher") not in refused.stderr


def test_the_rights_of_the_topology_suffice_to_change_over_and_to_tidy_up(
    house: House, image: Image, mechanism: str
) -> None:
    (other,) = {"exchange", "queues"} - {mechanism}
    house.environment |= image.settings("notifier-topology") | {"NOTIFIER_AMQP_DELAY": "auto"}

    migrated = house.notifier("topology", "migrate", "--to", other)
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr

    def pruned() -> bool:
        asked = house.notifier("topology", "prune")
        assert asked.returncode == 0, asked.stdout + asked.stderr
        return "is gone" in asked.stdout

    wait_for(pruned, 30)


async def publish(image: Image, body: bytes) -> None:
    async with await open_connection(image.address("notifier-publisher"), name="any") as connection:
        exchange = await (await connection.channel()).get_exchange(NAMES.exchange, ensure=False)
        await exchange.publish(aio_pika.Message(body), NAMES.queue_of(1))


def buried(house: House) -> str:
    shown = house.notifier("dlq", "list", "--queue", "--json")
    assert shown.returncode == 0, shown.stderr
    return json.dumps(json.loads(shown.stdout))


def assert_no_password_is_seen(family: list[psutil.Process], image: Image) -> None:
    passwords = [file.read_text().strip() for file in image.secrets.iterdir()]
    assert len(family) > 5
    for process in family:
        visible = " ".join([*process.cmdline(), *process.environ().values()])
        assert not [password for password in passwords if password and password in visible]
