"""Receipts on the real database: kept once, and WeChat's own failure climbs the ladder."""

from __future__ import annotations

from uuid import UUID

from notifier.dispatch.explain import Explainer
from notifier.dispatch.resending import Resending
from notifier.domain.outcome import Retry, Sent
from notifier.domain.receipt import BLOCKED, UNDELIVERED, Receipt
from notifier.store.receipts import Receipts
from tests.store.scene import Scene

COUNTERS = "state, seq, step, attempt, resends, reason"


def receipts_of(scene: Scene) -> Receipts:
    return Receipts(scene.database, rule_book=scene.rule_book)


async def receive(scene: Scene, *receipts: tuple[str, str]) -> int:
    """How many are tried again."""
    store = receipts_of(scene)
    await store.keep([Receipt(msg_id=msg_id, status=status) for msg_id, status in receipts])
    return await Resending(store).look()


async def promoted(scene: Scene, id_: UUID) -> None:
    assert await scene.state(id_) == "scheduled"
    await scene.change(id_, "state = 'waiting'")


async def test_what_wechat_could_not_deliver_is_another_message_at_the_next_step(
    scene: Scene,
) -> None:
    designer, publisher = await scene.tell()

    assert await receive(scene, ("1", UNDELIVERED), ("2", "success")) == 1
    assert await scene.value(designer, COUNTERS) == ("scheduled", 2, 1, 2, 1, "")
    assert await scene.state(publisher) == "sent"

    await promoted(scene, designer)
    claimed = await scene.claim(designer)
    assert (claimed.notification.resends, claimed.notification.attempt) == (1, 2)
    await scene.record(claimed, Sent(external_id="3"))
    # The same receipt once more is nothing new.
    assert await receive(scene, ("1", UNDELIVERED), ("3", "success")) == 0
    assert await scene.value(designer, COUNTERS) == ("sent", 2, 1, 2, 1, "")
    assert (await scene.audit()).findings == []


async def test_a_receipt_may_come_before_its_attempt_is_on_record(scene: Scene) -> None:
    designer = await scene.accept()
    claimed = await scene.claim(designer)
    assert await receive(scene, ("7", UNDELIVERED)) == 0

    await scene.record(claimed, Sent(external_id="7"))

    assert await Resending(receipts_of(scene)).look() == 1
    assert await scene.state(designer) == "scheduled"


async def test_a_message_of_somebody_else_is_soon_looked_for_no_more(scene: Scene) -> None:
    await receive(scene, ("8", UNDELIVERED))
    change = "UPDATE notifier_undelivered SET received_at = received_at - INTERVAL 2 MINUTE"
    await scene.database.run(change)

    assert await Resending(receipts_of(scene)).look() == 0
    assert await scene.database.fetch("SELECT msg_id FROM notifier_undelivered") == []
    assert await scene.database.fetch("SELECT msg_id FROM notifier_receipt") == [("8",)]


async def test_who_blocked_the_account_and_the_end_of_the_ladder_are_shown_and_not_tried_again(
    scene: Scene,
) -> None:
    blocked, last = await scene.accept(1), await scene.accept(2)
    await scene.attempt(blocked, Sent(external_id="4"))
    await scene.attempt(last, Retry(code="-1"), Retry(code="-1"), Sent(external_id="5"))

    assert await receive(scene, ("4", BLOCKED), ("5", UNDELIVERED)) == 0

    explainer = Explainer(scene.timelines, {"default": scene.ladder})
    said = [(await explainer.explain(str(one)))[0].explanation for one in (blocked, last)]
    assert {one.state for one in said} == {"accepted, and not received"}
    assert "blocked the account" in said[0].reason
    assert "could not deliver" in said[1].reason
    assert (await scene.audit()).findings == []
