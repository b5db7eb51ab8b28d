"""All queues of a running system are deleted: it makes them again, and everybody is told once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import aio_pika
import pytest

from notifier.broker.management import Management
from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.wiring import parts
from tests.house import House, publisher_of, wait_for

EACH = 20
REFUSE_ONCE = [
    {"endpoint": "template_send", "action": "errcode:-1", "times": 1, "per": "client_msg_id"}
]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("with_exchange", [False, True], ids=["queues", "queues-and-exchange"])
def test_what_a_running_fleet_lost_with_its_queues_arrives_once(
    house: House, with_exchange: bool
) -> None:
    house.environment["NOTIFIER_CALENDAR_HORIZON_S"] = "4"
    house.sandbox.control.script(REFUSE_ONCE)
    house.start_fleet()
    now = datetime.now(UTC)
    later = [_breakfast(n, timedelta(seconds=5)) for n in range(EACH)]
    in_calendar = [
        _breakfast(n, now + timedelta(seconds=7 + n / 10)) for n in range(EACH, 2 * EACH)
    ]
    asyncio.run(house.accept(later + in_calendar))
    records = house.publish_orders(EACH)
    wait_for(lambda: len(house.effects()) > EACH, 30)
    assert {"scheduled", "waiting"} <= set(house.states())

    gone = asyncio.run(_delete_all(house, with_exchange=with_exchange))

    assert len(gone) > 6
    wait_for(lambda: "topology.declared_again" in house.logs(), 60)
    # Not to wait for 20 s until the sweeper misses them; that it does is another test.
    house.execute(
        "UPDATE notifier_notification SET next_sweep_at = NOW(6) + INTERVAL 1 SECOND "
        "WHERE state = 'waiting'"
    )
    people = [item.recipient for item in later + in_calendar]
    people += [who for record in records for who in (record.openid, publisher_of(record))]
    _expect_told(house, Counter(people))


def _expect_told(house: House, people: Counter[str]) -> None:
    wait_for(lambda: house.states()["sent"] == len(people), 90, lambda: str(house.states()))
    assert house.effects() == people
    checked = house.notifier("topology", "check")
    assert checked.returncode == 0, checked.stdout
    house.expect_clean_audit()


async def _delete_all(house: House, *, with_exchange: bool) -> list[str]:
    """Every queue whose name is of this house, the exchange's own among them."""
    url, name = house.environment["NOTIFIER_AMQP_URL"], house.environment["NOTIFIER_AMQP_EXCHANGE"]
    management = Management(
        url=house.environment["NOTIFIER_AMQP_MANAGEMENT_URL"],
        vhost=parts.server_of(house.settings).vhost,
    )
    mine = name.removeprefix("delay.")
    queues = [queue["name"] for queue in await management.queues() if mine in queue["name"]]
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        if with_exchange:
            await channel.exchange_delete(name)
        for queue in queues:
            await channel.queue_delete(queue)
    return queues


def _breakfast(number: int, when: datetime | timedelta) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WECHAT,
        recipient=f"oCustomer_{number:08d}",
        template="designer",
        order_no=f"breakfast-{number}",
        due_at=when if isinstance(when, datetime) else None,
        delay=when if isinstance(when, timedelta) else None,
    )
