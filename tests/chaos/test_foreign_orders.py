"""Orders that other programs put on the exchange, on the objects of either kind of program."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aio_pika
import pytest

from notifier.domain.order import record_text
from notifier.stack import Stack
from tests.house import House, built
from tests.sandbox.rig import Sandbox

REFUSE_ONCE = [
    {"endpoint": "template_send", "action": "errcode:-1", "times": 1, "per": "client_msg_id"}
]
AS_OURS = {"NOTIFIER_AMQP_ACCEPT_FOREIGN_ORDERS": "true"}
AS_THEIRS = AS_OURS | {
    "NOTIFIER_AMQP_QUEUE_TYPE": "classic",
    "NOTIFIER_AMQP_DELAYED_TYPE": "topic",
}


def put(house: House, bodies: list[str], *, tier: int) -> None:
    """Publish as a program would that knows the exchange and nothing of us."""

    async def publish() -> None:
        names = house.settings.amqp
        connection = await aio_pika.connect(house.environment["NOTIFIER_AMQP_URL"])
        async with connection, connection.channel() as channel:
            exchange = await channel.get_exchange(names.exchange)
            for body in bodies:
                message = aio_pika.Message(body.encode(), headers={"x-delay": 100})
                key = f"{names.queue_prefix}{tier}"
                await exchange.publish(message, key, mandatory=False)

    asyncio.run(publish())


@pytest.mark.parametrize(
    ("objects", "gap"),
    [
        pytest.param(AS_OURS, "foreign_before_ack", id="quorum and direct, before the ack"),
        pytest.param(
            AS_THEIRS, "accepted_before_publish", id="classic and topic, after the commit"
        ),
    ],
)
def test_a_consumer_killed_in_the_gap_costs_nothing_and_tells_nobody_twice(
    stack: Stack, sandbox: Sandbox, tmp_path: Path, objects: dict[str, str], gap: str
) -> None:
    killed = tmp_path / "killed"
    with built(stack, sandbox, tmp_path, **objects) as house:
        house.sandbox.control.script(REFUSE_ONCE)
        house.start_fleet(NOTIFIER_FAILPOINT=f"{gap}@{killed}")
        ours = house.publish_orders(3)
        theirs = house.put_orders(5, first=100)
        records = [record_text(record) for record in theirs]
        put(house, records, tier=1)
        put(house, [*records, *records], tier=3)
        house.expect_told_once([*ours, *theirs], within_s=90)
    assert killed.exists()
