"""The record's transaction on the real database: every outcome, guarded by its lease."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from notifier.domain.lease import Claimed, PutOff, Recorded
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, State
from notifier.domain.outcome import Outcome, Paused, Permanent, Retry, Sent, Unknown
from tests.core import SECOND, Core, anybody, attempted


async def test_sent_is_recorded_with_the_attempt_and_the_receivers_number(core: Core) -> None:
    message = await core.due()
    claimed = await core.claimed(message)
    assert await core.record(claimed, Sent(external_id="4711")) == Recorded(state=State.SENT)
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"], row["next_sweep_at"]) == ("sent", "", None)
    assert (row["lease_token"], row["lease_until"], row["lease_owner"]) == (None, None, None)
    assert row["settled_at"] == claimed.now + SECOND / 2
    rows = await core.database.fetch(
        "SELECT attempt, seq, step, tier, due_at, started_at, duration_us, lateness_us, outcome, "
        "external_id, worker FROM notifier_attempt"
    )
    late = (claimed.now - claimed.due_at) // timedelta(microseconds=1)
    assert rows == [
        (1, 1, 0, 1, claimed.due_at, claimed.now, 500_000, late, "sent", "4711", "test-1")
    ]


@pytest.mark.parametrize(
    ("outcome", "state", "reason", "attempt"),
    [
        (Permanent(code="43004"), "dead", "43004", (1, "dead", "43004")),
        (Unknown(code="timeout"), "waiting", "", (1, "unknown", "timeout")),
        (Retry(code="-1"), "waiting", "", (1, "retry", "-1")),
        (Paused(code="45009"), "waiting", "", (1, "released", "45009")),
    ],
)
async def test_every_outcome_has_its_state_and_its_row(
    core: Core, outcome: Outcome, state: str, reason: str, attempt: tuple[int, str, str]
) -> None:
    message = await core.due()
    recorded = await core.record(await core.claimed(message), outcome)
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"]) == (state, reason)
    assert recorded.state == state
    assert await core.attempts(message.notification_id) == [attempt]
    assert (recorded.next is None) == (state != "waiting")


async def test_a_retry_waits_for_the_next_tier_after_the_attempts_end(core: Core) -> None:
    message = await core.due()
    claimed = await core.claimed(message)
    recorded = await core.record(claimed, Retry(code="-1"))
    row = await core.row(message.notification_id)
    assert (row["seq"], row["step"], row["attempt"], row["tier"]) == (2, 1, 2, 3)
    assert row["due_at"] == claimed.now + SECOND / 2 + 3 * SECOND
    assert row["next_sweep_at"] == row["due_at"] + 20 * SECOND
    assert recorded.next is not None
    assert recorded.next.due_at == row["due_at"]
    assert (await core.message(message.notification_id))[0] == recorded.next


async def test_what_shall_wait_for_long_goes_to_the_calendar_and_not_to_the_broker(
    core: Core,
) -> None:
    message = await core.due()
    recorded = await core.record(
        await core.claimed(message), Retry(code="busy", not_before=timedelta(hours=2))
    )
    row = await core.row(message.notification_id)
    assert (row["state"], row["seq"], row["step"]) == ("scheduled", 2, 1)
    assert recorded == Recorded(state=State.SCHEDULED)


async def test_a_pause_burns_no_step(core: Core) -> None:
    message = await core.due()
    recorded = await core.record(await core.claimed(message), Paused(code="45009"))
    row = await core.row(message.notification_id)
    assert (row["seq"], row["step"], row["attempt"]) == (2, 0, 2)
    assert recorded.next is not None
    assert recorded.next.due_at == row["due_at"]


async def test_the_ladder_ends_dead_and_with_an_unknown_attempt_unknown(core: Core) -> None:
    for unknown_first, state in ((False, "dead"), (True, "unknown")):
        message = await core.due(step=4)
        if unknown_first:
            await core.shift(message.notification_id, "unknown_since", -10)
        await core.record(await core.claimed(message), Retry(code="-1"))
        row = await core.row(message.notification_id)
        assert (row["state"], row["reason"]) == (state, "exhausted:-1")


async def test_a_wish_to_cancel_that_comes_in_flight_turns_a_retry_into_cancelled(
    core: Core,
) -> None:
    for outcome, state in ((Retry(code="-1"), "cancelled"), (Sent(), "sent")):
        message = await core.due()
        claimed = await core.claimed(message)
        await core.set(message.notification_id, cancel_requested="by_hand")
        recorded = await core.record(claimed, outcome)
        assert recorded.state == state
        assert recorded.next is None
        row = await core.row(message.notification_id)
        assert row["state"] == state
        assert row["reason"] == ("by_hand" if state == "cancelled" else "")


async def test_what_no_id_protects_ends_unknown(core: Core) -> None:
    message = await core.due(anybody(channel=ChannelName.PUSH))
    recorded = await core.record(await core.claimed(message), Unknown(code="timeout"))
    assert recorded == Recorded(state=State.UNKNOWN, reason="unprotected")


async def test_a_release_gives_the_claim_back_without_an_attempt(core: Core) -> None:
    message = await core.due()
    claimed = await core.claimed(message)
    (recorded,) = await core.records.release(
        [PutOff(claimed=claimed, until=claimed.now + 10 * SECOND)]
    )
    row = await core.row(message.notification_id)
    assert (row["state"], row["seq"], row["step"], row["attempt"]) == ("waiting", 2, 0, 1)
    assert (row["lease_token"], row["due_at"]) == (None, claimed.now + 10 * SECOND)
    assert await core.attempts(message.notification_id) == []
    assert recorded.next is not None
    assert recorded.next.due_at == claimed.now + 10 * SECOND
    assert (recorded.next.seq, recorded.next.attempt) == (2, 1)


async def test_recording_twice_changes_nothing(core: Core) -> None:
    """The answer to the commit was lost, so the process tries again."""
    for outcome in (Sent(), Retry(code="-1"), Permanent(code="x")):
        message = await core.due()
        claimed = await core.claimed(message)
        first = await core.record(claimed, outcome)
        before = await core.row(message.notification_id)
        again = await core.record(claimed, outcome)
        after = await core.row(message.notification_id)
        assert {**after, "now": 0} == {**before, "now": 0}
        assert again.lost
        assert again.state == first.state
        assert len(await core.attempts(message.notification_id)) == 1
        assert (await core.attempts(message.notification_id))[0][1] in ("sent", "retry", "dead")


@pytest.mark.parametrize("outcome", [Retry(code="-1"), Permanent(code="x"), Unknown(code="t")])
async def test_without_the_lease_nothing_but_a_success_counts(core: Core, outcome: Outcome) -> None:
    message = await core.due()
    claimed = await core.claimed(message)
    await core.set(message.notification_id, lease_token=b"another's token!")
    before = await core.row(message.notification_id)
    assert (await core.record(claimed, outcome)).lost
    after = await core.row(message.notification_id)
    assert {**after, "now": 0} == {**before, "now": 0}
    assert await core.attempts(message.notification_id) == []


async def crashed(core: Core) -> tuple[Message, Claimed]:
    """A claim whose lease ran out, closed by the calendar; the row waits again."""
    message = await core.due()
    claimed = await core.claimed(message)
    await core.shift(message.notification_id, "next_sweep_at", -1)

    async def forget(_: object) -> None:
        return

    await core.schedule.expire_leases(forget)
    return message, claimed


@pytest.mark.parametrize("state", ["waiting", "scheduled", "in_flight"])
async def test_a_late_success_still_ends_as_sent(core: Core, state: str) -> None:
    message, claimed = await crashed(core)
    await core.set(message.notification_id, state=state)
    recorded = await core.record(claimed, Sent(external_id="4711"))
    assert recorded == Recorded(state=State.SENT, lost=True)
    row = await core.row(message.notification_id)
    assert (row["state"], row["attempt"], row["next_sweep_at"]) == ("sent", 1, None)
    assert row["settled_at"] is not None
    assert await core.attempts(message.notification_id) == [(1, "sent", "ok")]


async def test_a_second_success_is_on_record_as_repeated(core: Core) -> None:
    message, first = await crashed(core)
    await core.make_due(message.notification_id)
    second = await core.claimed((await core.message(message.notification_id))[0])
    await core.record(first, Sent())
    recorded = await core.record(second, Sent())
    assert recorded == Recorded(state=State.SENT, lost=True)
    assert await core.attempts(message.notification_id) == [
        (1, "sent", "ok"),
        (2, "repeated", "ok"),
    ]
    assert (await core.row(message.notification_id))["attempt"] == 2


async def test_a_late_success_after_the_repetitions_is_repeated_itself(core: Core) -> None:
    message, first = await crashed(core)
    await core.make_due(message.notification_id)
    second = await core.claimed((await core.message(message.notification_id))[0])
    await core.record(second, Sent())
    await core.record(first, Sent())
    assert await core.attempts(message.notification_id) == [
        (1, "repeated", "ok"),
        (2, "sent", "ok"),
    ]


@pytest.mark.parametrize("state", ["cancelled", "dead"])
async def test_a_late_success_reopens_nothing_that_has_ended(core: Core, state: str) -> None:
    message, claimed = await crashed(core)
    await core.set(message.notification_id, state=state, reason="by_hand")
    recorded = await core.record(claimed, Sent())
    assert recorded.lost
    row = await core.row(message.notification_id)
    assert (row["state"], row["reason"]) == (state, "by_hand")
    assert (await core.attempts(message.notification_id))[0][1] == "repeated"


async def test_a_batch_of_every_kind_is_recorded_each_as_its_own(core: Core) -> None:
    outcomes: list[Outcome] = [
        Sent(),
        Retry(code="-1"),
        Permanent(code="x"),
        Unknown(code="t"),
        Paused(code="q"),
        Retry(code="l", not_before=timedelta(days=1)),
    ] * 5
    messages = [await core.due() for _ in outcomes]
    claims = await core.claims.claim([(message, False) for message in messages])
    items = [
        attempted(claimed, outcome)
        for claimed, outcome in zip(claims, outcomes, strict=True)
        if isinstance(claimed, Claimed)
    ]
    recorded = await core.records.record(items)
    expected = ["sent", "waiting", "dead", "waiting", "waiting", "scheduled"] * 5
    assert [item.state for item in recorded] == expected
    for message, state in zip(messages, expected, strict=True):
        row = await core.row(message.notification_id)
        assert row["state"] == state
        assert (row["due_at"] > row["now"]) == (state in ("waiting", "scheduled"))


async def test_hostile_and_endless_answers_are_recorded(core: Core) -> None:
    message = await core.due()
    outcome = Permanent(code="4" * 500, detail="'; DROP TABLE x; -- \0😀\\" * 500)
    await core.record(await core.claimed(message), outcome)
    row = await core.row(message.notification_id)
    assert row["state"] == "dead"
    assert row["reason"].startswith("444")


async def test_an_answer_that_is_no_text_is_recorded(core: Core) -> None:
    message = await core.due()
    outcome = Permanent(code="x\ud800", detail="half a character \ud83d")
    await core.record(await core.claimed(message), outcome)
    assert (await core.row(message.notification_id))["state"] == "dead"


async def test_records_and_claims_of_many_tasks_lock_nobody_out(core: Core) -> None:
    messages = [await core.due() for _ in range(120)]
    claims = await core.claims.claim([(message, False) for message in messages])
    items = [attempted(item, Retry(code="-1")) for item in claims if isinstance(item, Claimed)]
    batches = [items[0:60], items[60:120], items[30:90][::-1], items[10:110:3]]
    await asyncio.gather(*(core.records.record(batch) for batch in batches))
    states = await core.database.fetch(
        "SELECT state, seq, COUNT(*) FROM notifier_notification GROUP BY state, seq"
    )
    assert states == [("waiting", 2, 120)]
    assert await core.database.fetch("SELECT COUNT(*) FROM notifier_attempt") == [(120,)]


async def test_one_lost_lease_takes_no_other_record_along(core: Core) -> None:
    """Of several claims in one batch, told and refused, each with a token of its own."""
    claims = [await core.claimed(await core.due()) for _ in range(9)]
    outcomes: list[Outcome] = [Sent(), Retry(code="-1"), Permanent(code="x")] * 3
    stolen, unwanted, gone = claims[0], claims[4], claims[8]
    ids = [claimed.notification.id for claimed in claims]
    await core.set(stolen.notification.id, lease_token=b"another's token!")
    await core.set(unwanted.notification.id, cancel_requested="by_hand")
    await core.database.run(
        "DELETE FROM notifier_notification WHERE id = %s", [gone.notification.id.bytes]
    )
    items = [attempted(one, outcome) for one, outcome in zip(claims, outcomes, strict=True)]
    recorded = await core.records.record(items)
    assert [one.lost for one in recorded] == [True, *[False] * 7, True]
    states = [(await core.row(id_))["state"] for id_ in ids[:8]]
    assert states == ["sent", "waiting", "dead", "sent", "cancelled", "dead", "sent", "waiting"]
    made = [len(await core.attempts(id_)) for id_ in ids]
    assert made == [1] * 8 + [0]
