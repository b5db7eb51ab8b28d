"""Accepting on the real database: what is promised is committed, and the same only once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from notifier.domain.notice import dedupe_key
from notifier.domain.notification import ChannelName, Role, State
from notifier.domain.order import OrderRecord
from notifier.domain.submission import Submission, of_record
from notifier.errors import IdempotencyConflict, InvalidInput, StoreError
from notifier.store.earlier import conflicts
from tests.core import PLACES, SECOND, Core, anybody


def record(number: int) -> OrderRecord:
    return OrderRecord(
        order_no=f"77{number:05d}",
        order_id=number,
        claim_deadline=datetime(2020, 1, 1, tzinfo=UTC),
        openid=f"oDesigner_{number:08d}",
        designer_name="李伟测试",
        designer_id=13926,
    )


async def count(core: Core) -> int:
    rows = await core.database.fetch("SELECT COUNT(*) FROM notifier_notification")
    return int(rows[0][0])


async def test_without_a_moment_the_ladders_first_delay_counts(core: Core) -> None:
    acceptance = await core.accept(anybody())
    (accepted,) = acceptance.accepted
    row = await core.row(accepted.id)
    assert (row["state"], row["seq"], row["step"], row["attempt"]) == ("waiting", 1, 0, 1)
    assert row["tier"] == 1
    assert row["next_sweep_at"] == row["due_at"] + 20 * SECOND
    ((message, delay),) = acceptance.publish
    # Less what the acceptance itself took.
    assert 0.8 * SECOND < delay <= SECOND
    assert (await core.message(accepted.id))[0] == message


@pytest.mark.parametrize(
    ("due_in_s", "state", "publishes"),
    [(-3600, "waiting", 1), (50, "waiting", 1), (70, "scheduled", 0), (10**8, "scheduled", 0)],
)
async def test_a_moment_waits_in_the_broker_or_in_the_calendar(
    core: Core, due_in_s: int, state: str, publishes: int
) -> None:
    now = (await core.database.fetch("SELECT NOW(6)"))[0][0]
    due_at = now + due_in_s * SECOND
    acceptance = await core.accept(anybody(due_at=due_at))
    row = await core.row(acceptance.accepted[0].id)
    assert row["state"] == state
    assert len(acceptance.publish) == publishes
    if due_in_s > 0:
        assert row["due_at"] == due_at
    else:
        assert timedelta(0) < row["due_at"] - row["now"] <= SECOND
    if state == "scheduled":
        assert row["next_sweep_at"] == due_at - PLACES.lead


async def test_a_moment_of_another_zone_is_the_same_moment(core: Core) -> None:
    beijing = datetime.fromisoformat("2099-01-01T08:00:00+08:00")
    acceptance = await core.accept(anybody(due_at=beijing))
    row = await core.row(acceptance.accepted[0].id)
    assert row["due_at"] == datetime(2099, 1, 1, tzinfo=UTC)


async def test_a_delay_counts_from_the_databases_now(core: Core) -> None:
    acceptance = await core.accept(anybody(delay=15 * SECOND))
    row = await core.row(acceptance.accepted[0].id)
    assert row["tier"] == 15
    assert 14 * SECOND < row["due_at"] - row["now"] <= 15 * SECOND


async def test_the_same_record_makes_one_notification_and_again_another(core: Core) -> None:
    first = (await core.accept(of_record(record(1)))).accepted[0]
    second = await core.accept(of_record(record(1)))
    assert second.accepted[0].id == first.id
    assert (first.new, second.accepted[0].new) == (True, False)
    assert second.publish == []
    third = (await core.accept(of_record(record(1), again=True))).accepted[0]
    assert third.new
    assert third.id != first.id
    assert await count(core) == 2


async def test_what_was_accepted_before_is_told_with_the_state_it_has_now(core: Core) -> None:
    first = (await core.accept(of_record(record(1)))).accepted[0]
    await core.set(first.id, state="sent")
    assert (await core.accept(of_record(record(1)))).accepted[0].state is State.SENT


async def test_doubles_within_one_batch_are_one(core: Core) -> None:
    one, two = of_record(record(1)), of_record(record(2))
    acceptance = await core.accept(one, two, one, one)
    assert [item.new for item in acceptance.accepted] == [True, True, False, False]
    assert len({item.id for item in acceptance.accepted}) == 2
    assert len(acceptance.publish) == 2
    assert await count(core) == 2


async def test_answers_are_in_the_order_of_the_questions(core: Core) -> None:
    submissions = [of_record(record(number)) for number in range(50)]
    await core.accept(*submissions[::3])
    acceptance = await core.accept(*submissions)
    for number, accepted in enumerate(acceptance.accepted):
        assert accepted.new == bool(number % 3)
        message, _ = await core.message(accepted.id)
        assert message.order_no == record(number).order_no


async def test_nothing_asked_is_nothing_accepted(core: Core) -> None:
    acceptance = await core.accept()
    assert (acceptance.accepted, acceptance.publish) == ([], [])


async def test_all_or_nothing_is_accepted(core: Core) -> None:
    bad = anybody(order_no="9" * 65)
    with pytest.raises(StoreError, match="order_no"):
        await core.accept(anybody(), bad)
    assert await count(core) == 0


async def test_many_at_once_with_the_same_keys_in_other_orders_make_each_one(core: Core) -> None:
    submissions = [of_record(record(number)) for number in range(200)]
    orders = [submissions, submissions[::-1], submissions[100:] + submissions[:100]] * 2
    acceptances = await asyncio.gather(*(core.accept(*order) for order in orders))
    assert await count(core) == 200
    news = sum(item.new for acceptance in acceptances for item in acceptance.accepted)
    assert news == 200
    assert sum(len(acceptance.publish) for acceptance in acceptances) == 200


async def test_every_field_of_a_submission_is_kept(core: Core) -> None:
    submission = Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WEBHOOK,
        recipient="https://merchant.example/notify?a=1&b='2'",
        template="paid",
        payload={"amount": 12.5, "who": "李伟'\\", "list": [1, None, True]},
        ladder="short",
        idempotency_key="caller-1",
        deadline_at=datetime(2099, 1, 1, tzinfo=UTC),
    )
    message = await core.due(submission)
    notification = (await core.claimed(message)).notification
    assert notification.channel is ChannelName.WEBHOOK
    assert notification.recipient == submission.recipient
    assert notification.payload == submission.payload
    assert notification.template == "paid"
    rows = await core.database.fetch(
        "SELECT ladder, idempotency_key, deadline_at FROM notifier_notification"
    )
    assert rows == [("short", "caller-1", submission.deadline_at)]


async def test_what_is_hastened_is_looked_at_now_if_it_still_waits(core: Core) -> None:
    waiting = (await core.accept(anybody())).accepted[0]
    settled = (await core.accept(anybody())).accepted[0]
    await core.set(settled.id, state="sent", next_sweep_at=None)
    await core.acceptor.hasten([waiting.id, settled.id])
    row = await core.row(waiting.id)
    assert row["next_sweep_at"] <= row["now"]
    assert (await core.row(settled.id))["next_sweep_at"] is None


async def test_a_ladder_that_gives_up_sets_the_deadline_unless_there_is_one(core: Core) -> None:
    own = datetime(2099, 1, 1, tzinfo=UTC)
    acceptance = await core.accept(
        anybody(ladder="impatient"),
        anybody(ladder="impatient", deadline_at=own),
        anybody(),
    )
    rows = [await core.row(accepted.id) for accepted in acceptance.accepted]
    assert rows[0]["deadline_at"] == rows[0]["due_at"] + 60 * SECOND
    assert [row["deadline_at"] for row in rows[1:]] == [own, None]


async def test_a_ladder_that_there_is_not_is_refused_and_nothing_is_accepted(core: Core) -> None:
    with pytest.raises(InvalidInput, match=r"ladder: there is no 'nix'; there are default, "):
        await core.accept(anybody(), anybody(ladder="nix"))
    assert await count(core) == 0


def keyed(key: str, **fields: object) -> Submission:
    fields = {"recipient": "oAnybody_1", "payload": {"n": [1, 2.5, "李"]}} | fields
    return anybody(idempotency_key=key, dedupe_key=dedupe_key(key), **fields)


async def test_the_same_key_with_the_same_content_is_known_already(core: Core) -> None:
    first = (await core.accept(keyed("p-1"))).accepted[0]
    again = await core.accept(keyed("p-1", delay=60 * SECOND, ladder="short"))
    assert (again.accepted[0].id, again.accepted[0].new) == (first.id, False)
    assert again.accepted[0].due_at == first.due_at
    assert again.publish == []


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"recipient": "oAnybody_2"}, "another recipient;"),
        ({"payload": {"n": [1, 2.5, "李", 0]}}, "another payload;"),
        ({"channel": ChannelName.WEBHOOK, "template": "x"}, "another channel and template;"),
        ({"order_no": "77"}, "another order_no;"),
    ],
)
async def test_the_same_key_with_another_content_is_a_conflict_that_names_it(
    core: Core, fields: dict[str, object], names: str
) -> None:
    first = (await core.accept(keyed("p-1"))).accepted[0]
    with pytest.raises(IdempotencyConflict, match=f"'p-1' .*{first.id}, with {names}") as caught:
        await core.accept(keyed("p-2"), keyed("p-1", **fields))
    assert (caught.value.key, caught.value.field) == ("p-1", "idempotency_key")
    assert await count(core) == 1


async def test_a_conflict_within_one_batch_is_one_too_and_nothing_is_accepted(core: Core) -> None:
    with pytest.raises(IdempotencyConflict):
        await core.accept(keyed("p-1"), keyed("p-1", recipient="oAnybody_2"))
    assert await count(core) == 0


async def test_conflicts_are_found_without_accepting_anything(core: Core) -> None:
    await core.accept(keyed("p-1"))
    submissions = [
        *(keyed("p-1"), keyed("p-1", template="x"), anybody()),
        *(keyed("p-2"), keyed("p-2"), keyed("p-2", template="x")),
    ]
    found = await conflicts(core.database, submissions)
    assert {place: conflict.key for place, conflict in found.items()} == {1: "p-1", 5: "p-2"}
    assert "above" in str(found[5])
    assert await count(core) == 1


async def test_two_who_accept_the_same_key_at_once_make_one(core: Core) -> None:
    acceptances = await asyncio.gather(*(core.accept(keyed("p-1")) for _ in range(8)))
    assert sum(acceptance.accepted[0].new for acceptance in acceptances) == 1
    assert await count(core) == 1
