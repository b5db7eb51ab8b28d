"""Drop, resolve and cancel: rows stay as proof, with the name of who decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from notifier.domain.notification import State
from notifier.domain.outcome import Retry, Sent, Unknown
from notifier.store.interventions import Interventions
from notifier.store.schedule import MESSAGE, message_of
from tests.store.scene import Scene

REFUSED = Retry(code="-1")
LOST = Unknown(code="timeout", detail="no answer within 7 s")


async def test_a_dropped_one_is_cancelled_and_kept(scene: Scene) -> None:
    dead = await scene.accept()
    await scene.attempt(dead, REFUSED, REFUSED, REFUSED)

    (dropped,) = await Interventions(scene.database).drop([dead], who="mei")

    assert dropped.done
    assert await scene.value(dead, "state, reason") == ("cancelled", "dropped by mei")
    assert await scene.database.fetch("SELECT COUNT(*) FROM notifier_attempt") == [(3,)]
    assert (await scene.audit()).findings == []


async def test_only_dead_ones_are_dropped(scene: Scene) -> None:
    sent, _ = await scene.tell()

    results = await Interventions(scene.database).drop([sent, uuid4()], who="mei")

    assert [result.refused for result in results] == [
        "is sent; only dead and unknown ones are dropped",
        "does not exist",
    ]
    assert await scene.state(sent) is State.SENT


async def test_an_unknown_one_that_was_told_becomes_sent_with_who_said_so(scene: Scene) -> None:
    unknown = await scene.accept()
    await scene.attempt(unknown, REFUSED, LOST, REFUSED)
    assert await scene.state(unknown) is State.UNKNOWN

    await Interventions(scene.database).resolve(unknown, sent=True, who="mei")

    assert await scene.state(unknown) is State.SENT
    rows = await scene.database.fetch(
        "SELECT outcome, code, detail FROM notifier_attempt WHERE attempt = 2"
    )
    assert rows == [("sent", "resolved", "resolved by mei; was timeout no answer within 7 s")]
    assert (await scene.audit()).findings == []


async def test_an_unknown_one_that_was_not_told_becomes_a_dead_letter(scene: Scene) -> None:
    unknown = await scene.accept()
    await scene.attempt(unknown, REFUSED, REFUSED, LOST)

    await Interventions(scene.database).resolve(unknown, sent=False, who="mei")

    columns = "state, reason, unknown_since"
    assert await scene.value(unknown, columns) == ("dead", "resolved by mei", None)
    assert (await scene.audit()).findings == []


async def test_only_unknown_ones_are_resolved(scene: Scene) -> None:
    sent, _ = await scene.tell()

    resolved = await Interventions(scene.database).resolve(sent, sent=False, who="mei")

    assert resolved.refused == "is sent, not unknown"
    assert await scene.state(sent) is State.SENT


@pytest.mark.parametrize("hours", [0, 1])
async def test_what_waits_is_cancelled_and_its_message_forgotten(scene: Scene, hours: int) -> None:
    due_at = datetime.now(UTC) + timedelta(hours=hours)
    id_ = await scene.accept(due_at=due_at)
    rows = await scene.database.fetch(f"SELECT {MESSAGE} FROM notifier_notification")
    travelling = message_of(rows[0])

    (cancelled,) = await Interventions(scene.database).cancel([id_], who="mei")

    assert cancelled.done == "cancelled"
    columns = "state, reason, seq, next_sweep_at"
    row = await scene.value(id_, columns)
    assert row == ("cancelled", "cancelled by mei", travelling.seq + 1, None)
    assert (await scene.audit()).findings == []


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(REFUSED, State.CANCELLED), (Sent(), State.SENT)],
    ids=["refused", "sent"],
)
async def test_an_attempt_under_way_decides(scene: Scene, outcome: Retry, state: State) -> None:
    id_ = await scene.accept()
    claimed = await scene.claim(id_)

    (cancelled,) = await Interventions(scene.database).cancel([id_], who="mei")
    assert await scene.state(id_) is State.IN_FLIGHT
    assert cancelled.done.startswith("an attempt is under way")

    recorded = await scene.record(claimed, outcome)
    assert recorded.state is state
    assert (await scene.audit()).findings == []


async def test_what_has_ended_cannot_be_cancelled(scene: Scene) -> None:
    sent, _ = await scene.tell()

    (refused,) = await Interventions(scene.database).cancel([sent], who="mei")

    assert refused.refused == "is already sent"
