"""Another moment for what waits: the row moves, its message is stale, and it is on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from notifier.domain import claim
from notifier.domain.intervention import Moment
from notifier.domain.notification import State
from notifier.domain.outcome import Retry, Sent
from notifier.store.rescheduling import Rescheduling
from notifier.store.schedule import MESSAGE, message_of
from tests.store.scene import Scene

HOUR = timedelta(hours=1)
REFUSED = Retry(code="-1")


def desk(scene: Scene) -> Rescheduling:
    return Rescheduling(scene.database, places=scene.places)


@pytest.mark.parametrize("hours", [0, 1], ids=["from the broker", "from the calendar"])
@pytest.mark.parametrize(
    ("moment", "state"),
    [(HOUR, State.SCHEDULED), (timedelta(seconds=30), State.WAITING)],
    ids=["to the calendar", "to the broker"],
)
async def test_it_moves_and_the_message_that_travels_is_forgotten(
    scene: Scene, hours: int, moment: timedelta, state: State
) -> None:
    id_ = await scene.accept(due_at=datetime.now(UTC) + timedelta(hours=hours, seconds=10))
    rows = await scene.database.fetch(f"SELECT {MESSAGE} FROM notifier_notification")
    travelling = message_of(rows[0])

    (moved,) = await desk(scene).reschedule([id_], moment, who="mei", why="the kitchen is late")

    assert moved.done.startswith(f"{state}, attempt 1 is due ")
    seq, step, left = await scene.value(
        id_, "seq, step, TIMESTAMPDIFF(MICROSECOND, NOW(6), due_at) / 1e6"
    )
    assert (seq, step) == (travelling.seq + 1, 0)
    assert moment.total_seconds() - 5 < left <= moment.total_seconds()
    if state is State.WAITING:
        assert moved.publish is not None
        assert (moved.publish.seq, moved.delay) == (seq, moment)
    else:
        assert moved.publish is None
    (stale,) = await scene.claims.claim([(travelling, False)])
    assert isinstance(stale, claim.Forget)
    (timeline,) = await scene.timelines.of_id(id_)
    (change,) = timeline.rescheduled
    assert (change.who, change.why) == ("mei", "the kitchen is late")
    assert change.from_at == travelling.due_at
    assert (await scene.audit()).findings == []


async def test_a_moment_in_the_past_is_now_and_a_retry_keeps_its_step(scene: Scene) -> None:
    id_ = await scene.accept()
    await scene.attempt(id_, REFUSED)
    past = datetime(2020, 1, 1, tzinfo=UTC)

    (moved,) = await desk(scene).reschedule([id_], past, who="mei", why="")

    assert moved.publish is not None
    assert (moved.publish.attempt, moved.delay) == (2, timedelta(0))
    assert await scene.value(id_, "step, due_at <= NOW(6), due_at > '2026-01-01'") == (1, 1, 1)
    await scene.attempt(id_, Sent())
    assert (await scene.audit()).findings == []


async def test_what_does_not_wait_is_refused_with_its_state(scene: Scene) -> None:
    flying = await scene.accept(1)
    await scene.claim(flying)
    sent, _ = await scene.tell(2)
    dead = await scene.accept(3)
    await scene.attempt(dead, REFUSED, REFUSED, REFUSED)
    expiring = await scene.accept(4)
    await scene.change(expiring, "deadline_at = NOW(6) + INTERVAL 30 MINUTE")
    before = await scene.database.fetch("SELECT * FROM notifier_notification ORDER BY id")

    results = await desk(scene).reschedule(
        [flying, sent, dead, expiring, uuid4()], HOUR, who="mei", why=""
    )

    said = [result.refused for result in results]
    assert said[0] == "is in_flight: attempt 1 is under way; ask again after it"
    assert said[1] == "is already sent"
    assert said[2] == "is already dead; `notifier dlq replay` tells again"
    assert said[3].startswith("is not to be told after ")
    assert said[4] == "does not exist"
    after = await scene.database.fetch("SELECT * FROM notifier_notification ORDER BY id")
    assert after == before
    assert await scene.database.fetch("SELECT * FROM notifier_rescheduled") == []


@pytest.mark.parametrize("moment", [HOUR, datetime(2090, 1, 1, tzinfo=UTC)])
async def test_one_that_is_named_twice_is_moved_once(scene: Scene, moment: Moment) -> None:
    id_ = await scene.accept()
    assert len(await desk(scene).reschedule([id_, id_], moment, who="mei", why="")) == 1
    assert await scene.value(id_, "seq") == 2
