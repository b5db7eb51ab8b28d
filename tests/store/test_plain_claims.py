"""The claim without a look before it: what it takes, and what it leaves to a look."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from notifier.domain.lease import Claimed
from notifier.domain.notification import Role, new_id
from tests.core import SECOND, Core, anybody


async def test_it_claims_as_the_look_does(core: Core) -> None:
    message = await core.due(
        anybody(template="ready", payload={"table": "7"}), attempt=3, step=2, seq=5
    )
    (claimed,) = await core.claims.claim_plain([message])
    assert isinstance(claimed, Claimed)
    row = await core.row(message.notification_id)
    assert row["state"] == "in_flight"
    assert row["lease_token"] == claimed.token
    assert row["lease_owner"] == "test-1"
    assert row["lease_until"] == row["next_sweep_at"] == claimed.until == claimed.now + 30 * SECOND
    await core.set(message.notification_id, state="waiting", lease_token=None)
    looked = await core.claimed(message)
    moments = {name: getattr(looked, name) for name in ("token", "now", "until", "asked_s")}
    assert replace(claimed, **moments) == looked


@pytest.mark.parametrize(
    "state", ["scheduled", "in_flight", "sent", "dead", "cancelled", "unknown"]
)
async def test_only_a_waiting_row_is_claimed(core: Core, state: str) -> None:
    message = await core.due()
    await core.set(message.notification_id, state=state)
    assert await core.claims.claim_plain([message]) == [None]
    assert (await core.row(message.notification_id))["state"] == state


@pytest.mark.parametrize(
    ("column", "in_s"), [("due_at", 5), ("deadline_at", -1)], ids=["too early", "expired"]
)
async def test_nothing_is_claimed_before_its_moment_or_after_its_deadline(
    core: Core, column: str, in_s: float
) -> None:
    message = await core.due()
    await core.shift(message.notification_id, column, in_s)
    assert await core.claims.claim_plain([message]) == [None]
    assert (await core.row(message.notification_id))["state"] == "waiting"


async def test_an_order_is_left_to_the_claim_that_dispatches_it(core: Core) -> None:
    message, record = await core.due_order()
    assert await core.claims.claim_plain([message]) == [None]
    assert await core.claims.claim_plain([replace(message, role=Role.RECIPIENT)]) == [None]
    assert (await core.order(record.order_id))["status"] == 0
    await core.claimed(message)


async def test_in_one_batch_each_schedule_is_claimed_for_its_own_message(core: Core) -> None:
    first, later, stale = [await core.due() for _ in range(3)]
    later = replace(later, seq=4)
    await core.set(later.notification_id, seq=4)
    await core.set(stale.notification_id, seq=4)
    nobody = replace(first, notification_id=new_id())
    kinds = [
        type(result)
        for result in await core.claims.claim_plain([stale, nobody, later, first, first])
    ]
    assert kinds == [type(None), type(None), Claimed, Claimed, type(None)]
    assert (await core.row(stale.notification_id))["state"] == "waiting"


async def test_what_the_calendar_has_not_committed_yet_is_claimed_by_the_look(core: Core) -> None:
    """The broker may deliver before the promotion's commit: no message is forgotten then."""
    message = await core.due(anybody())
    await core.set(message.notification_id, state="scheduled")

    async def claim() -> Any:
        (claimed,) = await core.claims.claim_plain([message])
        return claimed or await core.claim(message)

    async with core.database.transaction() as cursor:
        await cursor.run(
            "UPDATE notifier_notification SET state = 'waiting' WHERE id = %s",
            [message.notification_id.bytes],
        )
        claiming = asyncio.create_task(claim())
        await _until_the_claim_is_asked_for(core)
    assert isinstance(await claiming, Claimed)


async def test_many_processes_claiming_the_same_messages_in_both_ways_get_each_exactly_once(
    core: Core,
) -> None:
    messages = [await core.due() for _ in range(40)]

    async def claim_all(owner: str, number: int) -> list[Claimed]:
        claims = Core(core.database, owner=owner).claims
        some = messages[:: -1 if number % 2 else 1]
        results: list[Any] = (
            list(await claims.claim([(message, True) for message in some]))
            if number % 3 == 0
            else list(await claims.claim_plain(some))
        )
        return [result for result in results if isinstance(result, Claimed)]

    claimed = await asyncio.gather(*(claim_all(f"p{n}", n) for n in range(6)))
    ids = Counter(item.notification.id for items in claimed for item in items)
    assert ids == Counter({message.notification_id: 1 for message in messages})


async def _until_the_claim_is_asked_for(core: Core) -> None:
    async with asyncio.timeout(30):
        while not await core.database.fetch(
            "SELECT 1 FROM information_schema.processlist WHERE id <> CONNECTION_ID() "
            "AND info LIKE %s",
            ["%notifier_notification%"],
        ):
            await asyncio.sleep(0.02)
