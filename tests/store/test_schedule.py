"""What time brings about, on the real database: promotion, sweeping, expired leases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from notifier.domain.notification import ChannelName
from notifier.domain.outcome import Sent
from notifier.errors import BrokerUnavailable
from notifier.store.schedule import MOST_POSTPONEMENTS, Schedule
from tests.core import RULE_BOOK, SECOND, Core, Published, anybody

HOUR = timedelta(hours=1)


@pytest.fixture
def published() -> Published:
    return Published()


async def scheduled(core: Core, *, due_in_s: float) -> UUID:
    """A notification in the calendar, due so many seconds from now."""
    id_ = (await core.accept(anybody(delay=HOUR))).accepted[0].id
    await core.shift(id_, "due_at", due_in_s)
    await core.shift(id_, "next_sweep_at", due_in_s - 60)
    return id_


async def test_what_is_near_is_promoted_with_its_exact_remaining_delay(
    core: Core, published: Published
) -> None:
    near, far = await scheduled(core, due_in_s=30), await scheduled(core, due_in_s=90)
    swept = await core.schedule.promote(published)
    assert (swept.count, swept.more) == (1, False)
    ((message, delay),) = published.messages
    assert (message.notification_id, message.seq, message.tier) == (near, 1, 1)
    assert 29 * SECOND < delay <= 30 * SECOND
    row = await core.row(near)
    assert (row["state"], row["next_sweep_at"]) == ("waiting", row["due_at"] + 20 * SECOND)
    assert (await core.row(far))["state"] == "scheduled"


async def test_the_next_look_is_at_the_nearest_row_of_the_calendar(core: Core) -> None:
    assert await core.schedule.until_next() is None
    await scheduled(core, due_in_s=90)
    await scheduled(core, due_in_s=70)
    await core.due()
    until_next = await core.schedule.until_next()
    assert until_next is not None
    assert 9 * SECOND < until_next <= 10 * SECOND


async def test_what_is_overdue_is_promoted_at_once(core: Core, published: Published) -> None:
    late = await scheduled(core, due_in_s=-3600)
    await core.schedule.promote(published)
    assert published.messages[0][1] == timedelta(0)
    row = await core.row(late)
    assert row["state"] == "waiting"
    assert 15 * SECOND < row["next_sweep_at"] - row["now"] <= 20 * SECOND


@pytest.mark.parametrize("step", ["promote", "sweep"])
async def test_a_broker_that_is_away_leaves_the_row_as_it_was(
    core: Core, published: Published, step: str
) -> None:
    id_ = await scheduled(core, due_in_s=-1)
    if step == "sweep":
        await core.set(id_, state="waiting")
    before = await core.row(id_)
    published.error = BrokerUnavailable("away")
    with pytest.raises(BrokerUnavailable):
        await (
            core.schedule.promote(published)
            if step == "promote"
            else core.schedule.sweep(published, [])
        )
    assert {**await core.row(id_), "now": 0} == {**before, "now": 0}


async def test_a_batch_that_is_full_says_that_there_may_be_more(
    core: Core, published: Published
) -> None:
    for _ in range(3):
        await scheduled(core, due_in_s=1)
    schedule = Schedule(core.database, rule_book=RULE_BOOK, batch=2)
    assert (await schedule.promote(published)).more
    assert not (await schedule.promote(published)).more
    assert len(published.messages) == 3


async def test_several_fleets_promote_each_row_once(core: Core, published: Published) -> None:
    ids = {await scheduled(core, due_in_s=1) for _ in range(30)}
    schedule = Schedule(core.database, rule_book=RULE_BOOK, batch=10)
    await asyncio.gather(*(schedule.promote(published) for _ in range(6)))
    told = [message.notification_id for message, _ in published.messages]
    assert len(told) == len(set(told))
    while (await schedule.promote(published)).count:
        pass
    assert {message.notification_id for message, _ in published.messages} == ids


async def test_a_promoted_message_is_claimable_when_it_comes_before_the_commit(core: Core) -> None:
    """The broker may deliver at once, while the promotion's transaction is still open."""
    id_ = await scheduled(core, due_in_s=-1)
    claims: list[asyncio.Task[object]] = []

    async def deliver_at_once(messages: object) -> None:
        message, _ = await core.message(id_)
        claims.append(asyncio.create_task(core.claimed(message)))
        await asyncio.sleep(0.1)

    await core.schedule.promote(deliver_at_once)
    await claims[0]
    assert (await core.row(id_))["state"] == "in_flight"


async def test_what_the_broker_lost_is_published_again_ever_more_rarely(
    core: Core, published: Published
) -> None:
    """Due + 20 s, then 30 s, doubling up to 10 min."""
    message = await core.due()
    id_ = message.notification_id
    for expected_s in (30, 60, 120, 240, 480, 600, 600):
        await core.shift(id_, "next_sweep_at", -1)
        assert (await core.schedule.sweep(published, [])).count == 1
        row = await core.row(id_)
        wait = row["next_sweep_at"] - row["now"]
        assert (expected_s - 2) * SECOND < wait <= expected_s * SECOND
    assert {(item.notification_id, item.seq) for item, _ in published.messages} == {(id_, 1)}


async def test_a_sweeper_that_has_swept_for_weeks_goes_on(core: Core, published: Published) -> None:
    message = await core.due(sweeps=5000)
    await core.shift(message.notification_id, "next_sweep_at", -1)
    assert (await core.schedule.sweep(published, [])).count == 1


async def test_nothing_is_swept_before_its_time(core: Core, published: Published) -> None:
    await core.due()
    assert (await core.schedule.sweep(published, [])).count == 0


async def test_rows_of_a_busy_tier_are_postponed_five_times(
    core: Core, published: Published
) -> None:
    message = await core.due()
    id_ = message.notification_id
    for _ in range(5):
        await core.shift(id_, "next_sweep_at", -1)
        assert (await core.schedule.sweep(published, [1, 3])).count == 0
        row = await core.row(id_)
        assert 28 * SECOND < row["next_sweep_at"] - row["now"] <= 30 * SECOND
    await core.shift(id_, "next_sweep_at", -1)
    assert (await core.schedule.sweep(published, [1, 3])).count == 1


async def test_rows_of_a_tier_at_rest_are_left_in_its_queue_however_long(
    core: Core, published: Published
) -> None:
    id_ = (await core.due()).notification_id
    await core.database.run(
        "INSERT INTO notifier_pause VALUES ('tier:1', NOW(6), NULL, 'a trial', 'test')"
    )
    for _ in range(MOST_POSTPONEMENTS + 1):
        await core.shift(id_, "next_sweep_at", -1)
        assert (await core.schedule.sweep(published, [])).count == 0
    await core.database.run("UPDATE notifier_pause SET until_at = NOW(6)")
    await core.shift(id_, "next_sweep_at", -1)
    assert (await core.schedule.sweep(published, [])).count == 1


async def test_rows_of_other_tiers_are_not_postponed(core: Core, published: Published) -> None:
    message = await core.due()
    await core.shift(message.notification_id, "next_sweep_at", -1)
    assert (await core.schedule.sweep(published, [3, 5])).count == 1


async def claim_and_let_it_expire(core: Core, id_: UUID) -> None:
    await core.make_due(id_)
    await core.claimed((await core.message(id_))[0])
    await core.shift(id_, "lease_until", -1)
    await core.shift(id_, "next_sweep_at", -1)


async def test_an_expired_lease_closes_the_attempt_and_repeats_the_step(
    core: Core, published: Published
) -> None:
    id_ = (await core.due(step=1)).notification_id
    await claim_and_let_it_expire(core, id_)
    assert (await core.schedule.expire_leases(published)).count == 1
    row = await core.row(id_)
    assert (row["state"], row["seq"], row["step"], row["attempt"]) == ("waiting", 2, 1, 2)
    assert (row["crashes"], row["tier"], row["lease_token"]) == (1, 3, None)
    assert row["unknown_since"] is not None
    assert await core.attempts(id_) == [(1, "unknown", "lease_lost")]
    ((message, delay),) = published.messages
    assert (message.seq, message.attempt, message.tier, delay) == (2, 2, 3, timedelta(0))


async def test_a_lease_that_runs_is_left_alone(core: Core, published: Published) -> None:
    message = await core.due()
    await core.claimed(message)
    assert (await core.schedule.expire_leases(published)).count == 0
    assert (await core.row(message.notification_id))["state"] == "in_flight"


async def test_three_crashes_in_a_row_give_up(core: Core, published: Published) -> None:
    id_ = (await core.due()).notification_id
    for _ in range(3):
        await claim_and_let_it_expire(core, id_)
        await core.schedule.expire_leases(published)
    row = await core.row(id_)
    assert (row["state"], row["reason"], row["next_sweep_at"]) == ("unknown", "crash_loop", None)
    assert await core.attempts(id_) == [(n, "unknown", "lease_lost") for n in (1, 2, 3)]
    assert len(published.messages) == 2


async def test_a_crash_without_protection_is_never_sent_again(
    core: Core, published: Published
) -> None:
    id_ = (await core.due(anybody(channel=ChannelName.PUSH))).notification_id
    await claim_and_let_it_expire(core, id_)
    await core.schedule.expire_leases(published)
    row = await core.row(id_)
    assert (row["state"], row["reason"]) == ("unknown", "unprotected")
    assert published.messages == []


async def test_a_wish_to_cancel_is_kept_by_a_crash(core: Core, published: Published) -> None:
    id_ = (await core.due()).notification_id
    await claim_and_let_it_expire(core, id_)
    await core.set(id_, cancel_requested="by_hand")
    await core.schedule.expire_leases(published)
    row = await core.row(id_)
    assert (row["state"], row["reason"]) == ("cancelled", "by_hand")
    assert published.messages == []


async def test_a_dead_processs_leases_are_released_at_once_and_nobody_elses(
    core: Core, published: Published
) -> None:
    dead, living = await core.due(), await core.due()
    await Core(core.database, owner="dead").claimed(dead)
    claimed = await Core(core.database, owner="living").claimed(living)
    assert (await core.schedule.release_owner("dead", published)).count == 1
    assert (await core.row(dead.notification_id))["state"] == "waiting"
    await core.record(claimed, Sent())
    assert (await core.row(living.notification_id))["state"] == "sent"


async def test_a_broker_that_is_away_does_not_keep_leases_open(
    core: Core, published: Published
) -> None:
    id_ = (await core.due()).notification_id
    await claim_and_let_it_expire(core, id_)
    published.error = BrokerUnavailable("away")
    with pytest.raises(BrokerUnavailable):
        await core.schedule.expire_leases(published)
    row = await core.row(id_)
    assert (row["state"], row["seq"]) == ("waiting", 2)
    published.error = None
    await core.shift(id_, "next_sweep_at", -1)
    assert (await core.schedule.sweep(published, [])).count == 1


async def test_one_question_tells_which_states_somebody_has_to_look_at(core: Core) -> None:
    assert await core.schedule.due() == frozenset()
    for state in ("scheduled", "waiting", "in_flight"):
        message = await core.due()
        await core.set(message.notification_id, state=state)
    assert await core.schedule.due() == frozenset()
    await core.database.run("UPDATE notifier_notification SET next_sweep_at = NOW(6)")
    assert await core.schedule.due() == {"scheduled", "waiting", "in_flight"}
    await core.database.run("UPDATE notifier_notification SET state = 'sent'")
    assert await core.schedule.due() == frozenset()
