"""The audit: silent about what the fleet does, and about nothing that it would never do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from notifier.domain.audit import Audit
from notifier.domain.ladder import ladder_of
from notifier.domain.lease import Ended
from notifier.domain.notification import State
from notifier.domain.outcome import Paused, Permanent, Retry, Sent, Unknown
from tests.store.scene import DESIGNER, Scene, order_no_of

REFUSED = Retry(code="-1", detail="system busy")


async def expect_broken(scene: Scene, check: str) -> Audit:
    audit = await scene.audit()
    assert {finding.check for finding in audit.findings} == {check}, audit.findings
    assert not audit.is_clean
    return audit


async def test_an_empty_database_is_clean(scene: Scene) -> None:
    assert (await scene.audit()).is_clean


async def test_every_way_a_notification_can_go_is_clean(scene: Scene) -> None:
    await scene.tell(1)
    await scene.attempt(await scene.accept(2), REFUSED, Unknown(code="timeout"), Sent())
    await scene.attempt(await scene.accept(3), REFUSED, REFUSED, REFUSED)
    await scene.attempt(await scene.accept(4), Permanent(code="40003"))
    await scene.attempt(await scene.accept(5), Paused(code="45009"))
    await scene.claim(await scene.accept(6))
    await scene.accept(7)
    await scene.accept(8, due_at=datetime.now(UTC) + timedelta(hours=1))

    audit = await scene.audit()

    assert audit.findings == []
    assert audit.totals.notifications == {
        "sent": 3, "dead": 2, "waiting": 7, "in_flight": 1, "scheduled": 1
    }  # fmt: skip
    assert audit.totals.dispatched == 6
    assert audit.totals.attempts == 10


async def test_a_crashed_attempt_and_its_late_success_are_clean(scene: Scene) -> None:
    designer = await scene.accept()
    lost = await scene.claim(designer)
    await scene.expire(designer)
    again = await scene.claim(designer)
    await scene.record(lost, Sent(external_id="1"))
    await scene.record(again, Sent(external_id="1"))

    assert (await scene.audit()).findings == []
    outcomes = await scene.database.fetch("SELECT outcome FROM notifier_attempt ORDER BY attempt")
    assert outcomes == [("sent",), ("repeated",)]


async def test_an_order_without_a_publisher_s_address_is_clean(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.database.run("UPDATE tg_order_task SET publisher_openid = NULL")
    await scene.attempt(designer, Sent())

    assert (await scene.audit()).findings == []


async def test_an_order_cancelled_after_its_dispatch_is_clean(scene: Scene) -> None:
    await scene.tell()
    await scene.database.run("UPDATE tg_order_task SET status = 4, design_userid = NULL")

    assert (await scene.audit()).is_clean


DAMAGE = {
    "overdue": "state = 'waiting', attempt = 2, seq = 2, settled_at = NULL, "
    "next_sweep_at = NOW(6) - INTERVAL 61 SECOND",
    "forgotten": "state = 'waiting', attempt = 2, seq = 2, settled_at = NULL, "
    "due_at = NOW(6), next_sweep_at = NOW(6) + INTERVAL 1 HOUR",
    "settled": "settled_at = NULL",
    "counters": "step = 1",
    "told_without_dispatch": "dispatched_at = NULL",
    "left_alone": "state = 'cancelled', reason = 'order_finished'",
    "lease": "lease_token = UNHEX(REPEAT('ab', 16)), lease_until = NOW(6)",
    "told_once": "state = 'dead', reason = 'expired'",
    "attempts": "attempt = 2, seq = 2",
    "attempt_seq": "seq = 0",
}
ALSO = {
    "overdue": {"told_once"},
    "forgotten": {"told_once"},
    "told_without_dispatch": {"publisher_early"},
    "left_alone": {"told_once"},
    "attempt_seq": {"counters"},
}
"""What else the same damage breaks."""


@pytest.mark.parametrize("check", DAMAGE)
async def test_a_damaged_row_is_named(scene: Scene, check: str) -> None:
    designer, _ = await scene.tell()
    await scene.tell(2)
    await scene.change(designer, DAMAGE[check])

    audit = await scene.audit()

    assert {finding.check for finding in audit.findings} == {check} | ALSO.get(check, set())
    assert {finding.notification_id for finding in audit.findings} == {designer}
    assert {finding.order_no for finding in audit.findings} == {order_no_of(1)}


async def test_a_waiting_row_that_nobody_will_look_at_is_named(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.change(designer, "next_sweep_at = NULL")

    audit = await expect_broken(scene, "overdue")

    assert (
        audit.findings[0].found == "waiting, to be looked at never, swept 0 and postponed 0 times"
    )


async def test_a_scheduled_row_that_is_looked_at_too_late_is_named(scene: Scene) -> None:
    designer = await scene.accept(due_at=datetime.now(UTC) + timedelta(hours=1))
    await scene.change(designer, "next_sweep_at = due_at + INTERVAL 2 MINUTE")

    await expect_broken(scene, "forgotten")


async def test_a_lease_that_nobody_closed_is_named(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.claim(designer)
    await scene.change(designer, "lease_until = NOW(6) - INTERVAL 61 SECOND")

    await expect_broken(scene, "expired_lease")


async def test_an_attempt_under_way_without_a_lease_is_named(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.claim(designer)
    await scene.change(designer, "lease_token = NULL")

    await expect_broken(scene, "lease")


async def test_two_successes_are_named(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.attempt(designer, REFUSED, Sent())
    await scene.change_attempt(designer, 1, "outcome = 'sent'")

    audit = await expect_broken(scene, "told_once")

    assert audit.findings[0].found == "sent with 2 successful attempts"


async def test_a_gap_between_attempts_is_named(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.attempt(designer, REFUSED, REFUSED, Sent())
    await scene.database.run("DELETE FROM notifier_attempt WHERE attempt = 2")

    audit = await scene.audit()

    assert {finding.check for finding in audit.findings} == {"gapless", "attempts"}


async def test_a_lost_attempt_is_named(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.attempt(designer, REFUSED)
    await scene.database.run("DELETE FROM notifier_attempt")

    await expect_broken(scene, "attempts")


async def test_an_attempt_of_no_notification_is_named(scene: Scene) -> None:
    designer, _ = await scene.tell()
    stray = uuid4()
    await scene.database.run(
        "UPDATE notifier_attempt SET notification_id = %s WHERE notification_id = %s",
        [stray.bytes, designer.bytes],
    )

    audit = await scene.audit()

    found = {finding.check: finding.notification_id for finding in audit.findings}
    assert found["stray_attempt"] == stray
    assert found["told_once"] == designer


async def test_an_attempt_before_its_ladder_s_delay_is_named(scene: Scene) -> None:
    await scene.attempt(await scene.accept(), REFUSED, REFUSED)

    audit = await scene.audit(ladder_of("default", [0, 1, 1]))

    (finding,) = audit.findings
    assert finding.check == "too_soon"
    assert finding.found.startswith("attempt 2 began ")


async def test_a_ladder_s_delay_that_was_kept_is_clean(scene: Scene) -> None:
    slow = Scene(scene.database, ladder_of("default", [0, 1, 1]))
    await slow.attempt(await slow.accept(), REFUSED, Sent())

    assert (await slow.audit()).is_clean


async def test_an_attempt_after_a_release_or_a_crash_owes_no_delay(scene: Scene) -> None:
    slow = Scene(scene.database, ladder_of("default", [1, 1, 1]))
    designer = await slow.accept()
    await slow.claim(designer)
    await slow.expire(designer)
    await slow.attempt(designer, Sent())

    assert (await slow.audit()).is_clean


async def test_a_dispatch_without_its_publisher_s_notification_is_named(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.attempt(designer, REFUSED)
    await scene.database.run("DELETE FROM notifier_notification WHERE role = 'publisher'")

    audit = await expect_broken(scene, "publisher_missing")

    assert [finding.notification_id for finding in audit.findings] == [designer]


async def test_a_publisher_told_of_no_dispatch_is_named(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.attempt(designer, REFUSED)
    await scene.change(designer, "dispatched_at = NULL")

    await expect_broken(scene, "publisher_early")


async def test_a_publisher_s_notification_of_nobody_is_named(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.attempt(designer, REFUSED)
    publisher = await scene.publisher_of(designer)
    await scene.change(publisher, f"parent_id = 0x{uuid4().hex}")

    audit = await scene.audit()

    found = {finding.check: finding.notification_id for finding in audit.findings}
    assert found == {"publisher_stray": publisher, "publisher_missing": designer}


@pytest.mark.parametrize(
    "damage",
    ["status = 0", "design_userid = 1", "design_userid = NULL", "order_id = 77"],
)
async def test_an_order_that_is_not_as_dispatched_is_named(scene: Scene, damage: str) -> None:
    designer, _ = await scene.tell()
    await scene.database.run(f"UPDATE tg_order_task SET {damage}")

    audit = await expect_broken(scene, "order_claimed")

    assert [finding.notification_id for finding in audit.findings] == [designer]
    assert f"dispatched to {DESIGNER}" in audit.findings[0].found or "no order 1" in str(audit)


async def test_an_order_dispatched_twice_is_named_with_both(scene: Scene) -> None:
    first, second = await scene.accept(1), await scene.accept(2)
    await scene.attempt(first, REFUSED)
    await scene.attempt(second, REFUSED)
    await scene.change(second, "order_id = 1")

    audit = await expect_broken(scene, "dispatched_once")

    assert [finding.notification_id for finding in audit.findings] == [first]
    assert audit.findings[0].found.endswith(f"before it ended, by {second.hex}")


async def test_an_order_that_was_given_back_may_be_dispatched_again(scene: Scene) -> None:
    await scene.tell(1)
    again = await scene.accept(1, again=True)
    await scene.attempt(again, REFUSED, Sent())

    assert (await scene.audit()).findings == []


async def test_an_order_given_back_during_the_ladder_ends_as_reopened(scene: Scene) -> None:
    first = await scene.accept(1)
    await scene.attempt(first, REFUSED)
    second = await scene.accept(1, again=True)
    assert await scene.claims.claim([(await scene.due_message(first), False)]) == [
        Ended(state=State.CANCELLED, reason="order_reopened")
    ]
    await scene.attempt(second, Sent())

    assert (await scene.audit()).findings == []


async def test_orders_that_are_switched_off_are_reported_as_not_checked(scene: Scene) -> None:
    from notifier.store.audit import Auditor

    await scene.tell()
    audit = await Auditor(scene.database, books={}, ladders={"default": scene.ladder}).audit()

    assert audit.is_clean
    assert list(audit.skipped) == ["the orders of 2 notifications: [orders] is switched off"]


async def test_a_fleet_at_work_never_looks_broken(scene: Scene) -> None:
    """Claims and records commit while the audit reads: each is seen whole or not at all."""
    done = asyncio.Event()

    async def work() -> None:
        for number in range(1, 40):
            await scene.tell(number)
        done.set()

    async def audit() -> int:
        audits = 0
        while not done.is_set():
            assert (await scene.audit()).findings == []
            audits += 1
        return audits

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        audits = group.create_task(audit())
    assert audits.result() > 0
