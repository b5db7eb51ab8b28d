"""Dead letters told again: once, from the first step, with attempts numbered on."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

from notifier.domain.intervention import Intervened
from notifier.domain.notification import State
from notifier.domain.outcome import Retry, Sent, Unknown
from notifier.store.replays import Replays
from tests.store.scene import Scene

REFUSED = Retry(code="-1")
DEAD = (REFUSED, REFUSED, REFUSED)


async def replay(scene: Scene, *ids: UUID, force: bool = False) -> list[Intervened]:
    replays = Replays(scene.database, places=scene.places, books=scene.books)
    return await replays.replay(ids, force=force)


async def test_a_dead_one_is_told_again_from_the_first_step(scene: Scene) -> None:
    dead = await scene.accept()
    await scene.attempt(dead, *DEAD)
    seq = await scene.value(dead, "seq")

    (replayed,) = await replay(scene, dead)

    assert replayed.publish is not None
    assert (replayed.publish.seq, replayed.publish.attempt, replayed.publish.tier) == (
        seq + 1,
        4,
        1,
    )
    columns = "state, reason, seq, step, attempt, crashes, settled_at"
    assert await scene.value(dead, columns) == ("waiting", "", seq + 1, 0, 4, 0, None)
    assert (await scene.audit()).findings == []
    await scene.attempt(dead, Sent())
    assert await scene.state(dead) is State.SENT
    assert (await scene.audit()).findings == []


async def test_a_replayed_one_goes_by_its_dispatch_and_claims_no_order_again(scene: Scene) -> None:
    dead = await scene.accept()
    await scene.attempt(dead, *DEAD)
    dispatched_at = await scene.value(dead, "dispatched_at")

    await replay(scene, dead)
    await scene.attempt(dead, Sent())

    assert await scene.value(dead, "dispatched_at") == dispatched_at
    count = "SELECT COUNT(*) FROM notifier_notification WHERE role = 'publisher'"
    assert await scene.database.fetch(count) == [(1,)]


async def test_two_replays_at_once_have_one_effect(scene: Scene) -> None:
    dead = await scene.accept()
    await scene.attempt(dead, *DEAD)
    seq = await scene.value(dead, "seq")

    both = await asyncio.gather(replay(scene, dead), replay(scene, dead))

    outcomes = sorted((result.done, result.refused) for (result,) in both)
    assert outcomes == [
        ("", "is waiting; only dead and unknown ones are replayed"),
        ("waiting, attempt 4 is due now", ""),
    ]
    assert await scene.value(dead, "seq") == seq + 1


async def test_what_is_not_dead_is_refused(scene: Scene) -> None:
    sent, _ = await scene.tell(1)
    waiting = await scene.accept(2)
    gone = uuid4()

    results = await replay(scene, sent, waiting, gone, force=True)

    assert [result.refused for result in results] == [
        "is sent; only dead and unknown ones are replayed",
        "is waiting; only dead and unknown ones are replayed",
        "does not exist",
    ]


async def test_an_unknown_one_is_told_again_only_by_force(scene: Scene) -> None:
    unknown = await scene.accept()
    await scene.attempt(unknown, REFUSED, REFUSED, Unknown(code="timeout"))
    assert await scene.state(unknown) is State.UNKNOWN

    (refused,) = await replay(scene, unknown)
    assert refused.refused.startswith("may have told already")
    assert await scene.state(unknown) is State.UNKNOWN

    await replay(scene, unknown, force=True)
    assert await scene.value(unknown, "state, unknown_since") == ("waiting", None)
    assert (await scene.audit()).findings == []


async def test_a_passed_deadline_is_refused_without_force(scene: Scene) -> None:
    dead = await scene.accept()
    await scene.attempt(dead, *DEAD)
    await scene.change(dead, "deadline_at = NOW(6) - INTERVAL 1 SECOND")

    (refused,) = await replay(scene, dead)
    assert refused.refused.startswith("was not to be told after ")

    await replay(scene, dead, force=True)
    await scene.attempt(dead, Sent())
    assert await scene.state(dead) is State.SENT


async def test_a_publisher_gets_the_address_that_was_filled_in_since(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.database.run("UPDATE tg_order_task SET publisher_openid = NULL")
    await scene.attempt(designer, Sent())
    publisher = await scene.publisher_of(designer)
    assert await scene.value(publisher, "state, reason") == ("dead", "no_publisher_address")

    (refused,) = await replay(scene, publisher)
    assert refused.refused.startswith("has no address")

    await scene.database.run("UPDATE tg_order_task SET publisher_openid = 'oNewlyKnown_1'")
    await replay(scene, publisher)
    claimed = await scene.claim(publisher)
    assert claimed.notification.recipient == "oNewlyKnown_1"
    assert claimed.row.attempt == 1
    await scene.record(claimed, Sent())
    assert (await scene.audit()).findings == []
