"""From each way in, through a real fleet, to the receiver: told once, signed, in time."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from notifier import AsyncNotifier, Notice, Notifier
from notifier.stack import Stack
from tests.house import House, built, json_of, wait_for
from tests.sandbox.rig import Sandbox

PATH = "/webhook/shop"
TEMPLATE = {
    "template_id": "C3HSuUJdS86p_4gj4xxth943DdE2zkE3IxnlrK5MFTI",
    "fields": {"keyword1": "{dish}", "keyword2": "{order_no}"},
}


@pytest.fixture
def house(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    """With an endpoint `shop` on loopback, and a WeChat template of its own."""
    with built(stack, sandbox, tmp_path) as house:
        house.environment |= {
            "NOTIFIER_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
            "NOTIFIER_EGRESS_PORTS": "",
            "NOTIFIER_WEBHOOK_CA_FILE": str(sandbox.addresses["ca_file"]),
            "NOTIFIER_WEBHOOK_KEY": base64.b64encode(b"k" * 32).decode(),
            "NOTIFIER_LADDER_DELAYS_S": "0,0.2,0.4",
            "NOTIFIER_WECHAT_TEMPLATES": orjson.dumps({"ready": TEMPLATE}).decode(),
        }
        url = f"{sandbox.addresses['data_url']}{PATH}"
        added = house.notifier("endpoint", "add", "shop", url, "--json")
        assert added.returncode == 0, added.stderr
        sandbox.control.webhooks({PATH: [json_of(added.stdout)["secret"]]})
        yield house


async def ask_on_asyncio(house: House) -> None:
    async with AsyncNotifier(house.settings) as notifier:
        await notifier.notify_many(
            Notice(channel="webhook", recipient="endpoint:shop", idempotency_key=f"async-{n}")
            for n in range(5)
        )
        await notifier.notify(
            channel="wechat",
            recipient="oCustomer_1",
            template="ready",
            payload={"dish": "豆浆"},
            order_no="1912136916313",
            idempotency_key="breakfast",
        )


def ask_in_every_way(house: House) -> None:
    asyncio.run(ask_on_asyncio(house))
    with Notifier(house.settings) as notifier:
        for n in range(5):
            notifier.notify(
                channel="webhook", recipient="endpoint:shop", idempotency_key=f"sync-{n}"
            )
    lines = "\n".join(
        f'{{"channel": "webhook", "recipient": "endpoint:shop", "idempotency_key": "line-{n}"}}'
        for n in range(5)
    )
    published = house.notifier("publish", "--file", "-", text=lines)
    assert published.returncode == 0, published.stderr
    house.execute(
        "INSERT INTO notifier_outbox (channel, recipient, idempotency_key) VALUES "
        + ", ".join(f"('webhook', 'endpoint:shop', 'row-{n}')" for n in range(5))
    )


def test_whoever_is_asked_for_hears_once_though_every_way_asks_twice(house: House) -> None:
    house.sandbox.control.script(
        [{"endpoint": "webhook", "per": "webhook_id", "times": 1, "action": "http:500"}]
    )
    house.start_fleet()
    ask_in_every_way(house)
    wait_for(lambda: house.states()["sent"] == 21, 30, lambda: str(house.states()))
    ask_in_every_way(house)
    wait_for(lambda: house.rows("SELECT 1 FROM notifier_outbox") == [], 30)
    assert house.states() == Counter(sent=21)

    effects = list(house.sandbox.control.effects())
    webhooks = [effect for effect in effects if effect.get("path") == PATH]
    assert len(webhooks) == 20
    assert all(effect["is_verified"] for effect in webhooks)
    assert {effect["wire_count"] for effect in webhooks} == {1}
    assert len(effects) == 21
