"""While an endpoint rests, what is for it waits, and nobody else does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifier.dispatch.explain import Explainer
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName
from notifier.domain.outcome import Answer, Held, Paused, Sent
from notifier.domain.settle import OPEN_REST
from notifier.store.pauses import MysqlPauses
from notifier.store.timelines import Timelines
from tests.core import LADDERS, SECOND, Core, anybody
from tests.dispatch.floor import Floor, Process

SHOP = "endpoint:shop"


async def due_for(core: Core, recipient: str) -> Message:
    return await core.due(anybody(channel=ChannelName.WEBHOOK, recipient=recipient))


async def test_a_paused_endpoints_are_put_off_without_burning_the_ladder(
    core: Core, floor: Floor, process: Process
) -> None:
    shop, other = await due_for(core, SHOP), await due_for(core, "endpoint:other")
    await MysqlPauses(core.database).pause(SHOP, until=None, reason="moving", who="test")
    await process.pauses.refresh()

    await process.deliver(shop)
    await process.deliver(other)

    assert [sent.recipient for sent in floor.webhook.sent] == ["endpoint:other"]
    row = await core.row(shop.notification_id)
    assert (row["state"], row["step"], row["attempt"]) == ("scheduled", 0, 1)
    assert row["due_at"] - row["now"] > OPEN_REST - 10 * SECOND
    assert await core.attempts(shop.notification_id) == []


async def test_resuming_it_brings_them_at_once_and_nothing_else(
    core: Core, floor: Floor, process: Process
) -> None:
    shop, planned = await due_for(core, SHOP), await due_for(core, SHOP)
    await core.set(planned.notification_id, state="scheduled")
    await core.shift(planned.notification_id, "due_at", 600)
    await MysqlPauses(core.database).pause(SHOP, until=None, reason="moving", who="test")
    await process.pauses.refresh()
    await process.deliver(shop)

    assert await MysqlPauses(core.database).resume(SHOP, reason="moved", who="test") == 1

    row = await core.row(shop.notification_id)
    assert row["due_at"] <= row["now"] + 2 * SECOND
    assert (await core.row(planned.notification_id))["due_at"] > row["now"] + 60 * SECOND


async def test_an_endpoint_whose_configuration_is_refused_rests_alone(
    core: Core, floor: Floor, process: Process
) -> None:
    floor.webhook.script.append(Paused(code="secret_unreadable", scope=SHOP))
    shop, again = await due_for(core, SHOP), await due_for(core, SHOP)
    other = await due_for(core, "https://example.com/")

    for message in (shop, again, other):
        await process.deliver(message)

    assert [sent.recipient for sent in floor.webhook.sent] == [SHOP, "https://example.com/"]
    assert list(await MysqlPauses(core.database).read()) == [SHOP]
    row = await core.row(shop.notification_id)
    assert (row["step"], row["attempt"]) == (0, 2)


@pytest.mark.parametrize("body", [b"success", b"\x1b[2J\xff\x00'; --", b"x" * 5000, b""])
async def test_the_answer_is_kept_with_the_attempt(
    core: Core, floor: Floor, process: Process, body: bytes
) -> None:
    latency = timedelta(milliseconds=12.5)
    floor.webhook.script.append(Sent(answer=Answer(status=200, latency=latency, body=body)))
    message = await due_for(core, SHOP)

    await process.deliver(message)

    rows = await core.database.fetch(
        "SELECT attempt, status, latency_us, body FROM notifier_answer WHERE notification_id = %s",
        [message.notification_id.bytes],
    )
    assert rows == [(1, 200, 12_500, body[:2048])]


async def test_whose_turn_comes_later_is_put_off_to_it_and_nothing_is_burnt(
    core: Core, floor: Floor, process: Process
) -> None:
    floor.webhook.script.append(Held(wait=7 * SECOND, reason="rate_limit:10 a second"))
    message = await due_for(core, SHOP)

    await process.deliver(message)

    row = await core.row(message.notification_id)
    assert (row["state"], row["step"], row["attempt"]) == ("waiting", 0, 1)
    assert row["reason"] == "rate_limit:10 a second"
    # The moment is reckoned from the database's clock as this process knows it, to a millisecond.
    assert 6 * SECOND < row["due_at"] - row["now"] < 7.1 * SECOND
    assert await core.attempts(message.notification_id) == []
    assert [later.seq for later, _ in floor.publisher.published] == [message.seq + 1]


async def test_what_a_sick_endpoint_holds_back_waits_in_the_calendar_and_says_why_until_it_is_told(
    core: Core, floor: Floor, process: Process
) -> None:
    why = "endpoint_down:timeout, since 2026-11-21 12:00:00 UTC"
    floor.webhook.script.append(Held(wait=2 * SECOND, reason=why, is_exact=False))
    message = await due_for(core, SHOP)

    await process.deliver(message)

    row = await core.row(message.notification_id)
    assert (row["state"], row["step"], row["attempt"]) == ("scheduled", 0, 1)
    assert row["next_sweep_at"] == row["due_at"] > row["now"]
    assert floor.publisher.published == []
    explained = await Explainer(Timelines(core.database), LADDERS).explain(
        str(message.notification_id)
    )
    [words] = [each.explanation for each in explained]
    assert words.reason == (
        "held back, nothing is lost: its endpoint does not work: "
        "timeout, since 2026-11-21 12:00:00 UTC"
    )

    await core.set(message.notification_id, state="waiting")
    await core.make_due(message.notification_id)
    await process.deliver((await core.message(message.notification_id))[0])

    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"], row["attempt"]) == ("sent", "", 1)
