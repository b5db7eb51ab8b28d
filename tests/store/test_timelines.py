"""The history of an order in words, and lists of what is owed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from notifier.dispatch.explain import Explained, Explainer
from notifier.domain.listing import Wanted
from notifier.domain.notification import Role, State
from notifier.domain.outcome import Paused, Permanent, Retry, Sent, Unknown
from notifier.domain.timeline import masked
from notifier.errors import NotFound
from notifier.store.listing import Listing
from tests.store.scene import Scene, order_no_of

REFUSED = Retry(code="-1", detail="system busy")


async def explain(scene: Scene, key: str | UUID) -> list[Explained]:
    return await Explainer(scene.timelines, {"default": scene.ladder}).explain(str(key))


async def test_an_order_s_timeline_has_both_people_and_every_attempt(scene: Scene) -> None:
    designer = await scene.accept()
    await scene.attempt(designer, REFUSED, Sent(external_id="77"))
    publisher = await scene.publisher_of(designer)
    await scene.attempt(publisher, Sent())

    first, second = await explain(scene, order_no_of(1))

    assert (first.timeline.standing.id, second.timeline.standing.id) == (designer, publisher)
    assert (first.timeline.standing.role, second.timeline.standing.role) == (
        Role.DESIGNER,
        Role.PUBLISHER,
    )
    assert [made.outcome for made in first.timeline.attempts] == ["retry", "sent"]
    assert first.timeline.attempts[0].detail == "system busy"
    assert first.timeline.attempts[1].external_id == "77"
    assert first.explanation.whys == (
        "step 1 of default: 0 s",
        "step 2 of default: 0.01 s after the one before",
    )
    assert first.explanation.state == "told"
    assert first.explanation.next == "nothing: it was heard"


async def test_a_notification_is_found_by_its_id_with_what_it_caused(scene: Scene) -> None:
    designer, publisher = await scene.tell()

    (one,) = await explain(scene, publisher)
    assert one.timeline.standing.id == publisher
    found = await explain(scene, designer.hex)
    assert [item.timeline.standing.id for item in found] == [designer, publisher]


@pytest.mark.parametrize(
    "key", ["nothing", "01a1fe63-1f31-77c8-b646-34ebf1d6bb18", "", "1' OR '1'='1"]
)
async def test_what_does_not_exist_is_said_clearly(scene: Scene, key: str) -> None:
    with pytest.raises(NotFound, match="neither an order with notifications nor a notification"):
        await explain(scene, key)


async def test_what_waits_says_when_and_through_what(scene: Scene) -> None:
    due_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)
    await scene.accept(1, due_at=due_at)
    later = await scene.accept(2, due_at=due_at + timedelta(hours=1))

    (soon,) = await explain(scene, order_no_of(1))
    (far,) = await explain(scene, later)

    assert (soon.explanation.next, soon.explanation.next_at) == (
        "attempt 1 through tier 1s",
        due_at,
    )
    assert far.explanation.next == "attempt 1 through the calendar"
    assert far.explanation.state == "waits in the calendar"


async def test_an_overdue_one_and_a_resting_channel_say_so(scene: Scene) -> None:
    id_ = await scene.accept()
    await scene.change(id_, "due_at = NOW(6) - INTERVAL 90 SECOND, sweeps = 2")
    await scene.database.run(
        "INSERT INTO notifier_pause (scope, since, until_at, reason, who) "
        "VALUES ('channel:wechat', NOW(6), NULL, '45009 quota', 'host/tier-1/1')"
    )

    (explained,) = await explain(scene, id_)

    assert explained.explanation.next == (
        "attempt 1 through tier 1s; channel wechat is at rest: 45009 quota; "
        "overdue by 90 s; published again 2 times"
    )


async def test_every_repetition_says_why_it_was_made_then(scene: Scene) -> None:
    id_ = await scene.accept()
    await scene.attempt(id_, Paused(code="45009"))
    await scene.change(id_, "due_at = NOW(6)")
    await scene.claim(id_)
    await scene.expire(id_)
    await scene.attempt(id_, Unknown(code="timeout"), REFUSED)

    explained, _ = await explain(scene, id_)

    assert explained.explanation.whys == (
        "step 1 of default: 0 s",
        "the same step again: the channel rested",
        "the same step again: the process before was lost",
        "step 2 of default: 0.01 s after the one before",
    )
    assert [made.outcome for made in explained.timeline.attempts] == [
        *("released", "unknown", "unknown", "retry"),
    ]


async def test_ends_are_explained_with_what_a_person_can_do(scene: Scene) -> None:
    dead = await scene.accept(1)
    await scene.attempt(dead, REFUSED, REFUSED, REFUSED)
    unknown = await scene.accept(2)
    await scene.attempt(unknown, REFUSED, REFUSED, Unknown(code="timeout"))

    given_up, _ = await explain(scene, dead)
    doubtful, _ = await explain(scene, unknown)

    words = given_up.explanation
    assert words.reason == "the ladder has no further step; the last answer was -1"
    assert words.next == f"nothing, until `notifier dlq replay {dead}`"
    assert f"notifier resolve {unknown} --sent" in doubtful.explanation.next


async def test_lists_find_by_state_reason_order_and_moment(scene: Scene) -> None:
    dead, refused = await scene.accept(1), await scene.accept(2)
    await scene.attempt(dead, REFUSED, REFUSED, REFUSED)
    await scene.attempt(refused, Permanent(code="40003"))
    later = await scene.accept(3, due_at=datetime.now(UTC) + timedelta(hours=1))
    listing = Listing(scene.database)

    async def ids(wanted: Wanted) -> set[UUID]:
        found = await listing.find(wanted, most=10)
        assert await listing.count(wanted) == len(found)
        assert set(await listing.ids(wanted)) == {standing.id for standing in found}
        return {standing.id for standing in found}

    assert await ids(Wanted(states=(State.DEAD,))) == {dead, refused}
    assert await ids(Wanted(reason="exhausted")) == {dead}
    assert await ids(Wanted(reason="exhausted:-1")) == {dead}
    assert await ids(Wanted(reason="40003")) == {refused}
    assert await ids(Wanted(order_no=order_no_of(3))) == {later}
    before = datetime.now(UTC) + timedelta(minutes=1)
    assert later not in await ids(Wanted(due_before=before))
    assert len(await listing.find(Wanted(), most=2)) == 2


@pytest.mark.parametrize(
    ("recipient", "shown"),
    [
        ("oLvqQwo25p5myELvO5VXj0k-7ngk", "oLvq…7ngk"),
        ("oShort_1", "oS…"),
        ("", ""),
        ("https://user:secret@shop.example:8443/hook?token=1", "https://shop.example:8443/…"),
    ],
)
def test_a_recipient_is_recognised_but_not_told(recipient: str, shown: str) -> None:
    assert masked(recipient) == shown


def test_an_endpoints_name_is_no_secret() -> None:
    assert masked("endpoint:a-long-name-of-a-shop") == "endpoint:a-long-name-of-a-shop"
