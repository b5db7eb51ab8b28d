"""A fleet whose user may declare nothing outlives the deletion of its queues."""

from __future__ import annotations

import structlog

from notifier.broker.connection import connect, open_connection
from notifier.broker.consumer import Consumer
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.mending import Mending
from notifier.broker.publisher import Publisher
from notifier.broker.topology import apply
from notifier.domain.delay import NOW
from tests.broker.messages import Inbox, message, until
from tests.deploy.deeds import FLEET, NAMES, TIER, TOPOLOGY
from tests.deploy.image import Image


async def test_it_says_once_what_to_do_and_goes_on_when_that_is_done(applied: Image) -> None:
    delay = ExchangeDelay(NAMES)
    server = applied.address(FLEET)
    mending = Mending(NAMES, delay, declare=lambda: apply(NAMES, server, delay))
    link, inbox = await connect(server, name="fleet"), Inbox()
    with structlog.testing.capture_logs() as logs:
        try:
            await mending.keep(link)
            consumer = Consumer(link, TIER)
            await consumer.consume(inbox, prefetch=1)
            async with await open_connection(applied.address(TOPOLOGY), name="x") as connection:
                await (await connection.channel()).queue_delete(TIER)
            await until(lambda: _told(logs, "broker.away") > 2, within_s=60)

            await apply(NAMES, applied.address(TOPOLOGY), delay)
            await until(lambda: link.is_up, within_s=60)
            publisher = await Publisher.open(link, NAMES, delay)
            await publisher.publish(message(tier=1), delay=NOW)
            await inbox.holds(1, within_s=60)
        finally:
            await link.close()
    (told,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert told["event"] == "topology.missing"
    assert told["what"] == [f"queue {TIER!r} is missing"]
    assert "ACCESS_REFUSED" in told["why"]
    assert "notifier topology apply" in told["remedy"]
    assert _told(logs, "topology.back") == 1


def _told(logs: list[structlog.typing.EventDict], event: str) -> int:
    return sum(entry["event"] == event for entry in logs)
