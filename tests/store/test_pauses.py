"""Channels at rest, kept for every host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifier.domain.lease import PutOff
from notifier.domain.pause import Pause
from notifier.errors import InvalidInput, NotFound
from notifier.store.pauses import MysqlPauses
from tests.core import SECOND, Core

SCOPE = "channel:wechat"


async def now(core: Core) -> datetime:
    value: datetime = (await core.database.fetch("SELECT NOW(6)"))[0][0]
    return value


@pytest.mark.parametrize(
    ("first_s", "second_s", "kept_s"),
    [(60, 600, 600), (600, 60, 600), (None, 60, None), (60, None, None)],
)
async def test_the_later_end_wins_and_no_end_over_any(
    core: Core, first_s: int | None, second_s: int | None, kept_s: int | None
) -> None:
    pauses = MysqlPauses(core.database)
    began = await now(core)
    for seconds in (first_s, second_s):
        until = None if seconds is None else began + seconds * SECOND
        await pauses.pause(SCOPE, until=until, reason="45009", who="test")
    kept = None if kept_s is None else began + kept_s * SECOND
    assert await pauses.read() == {SCOPE: kept}


async def test_a_pause_that_is_over_is_none_and_can_begin_again(core: Core) -> None:
    pauses = MysqlPauses(core.database)
    began = await now(core)
    await pauses.pause(SCOPE, until=began - SECOND, reason="x", who="test")
    assert await pauses.read() == {}
    await pauses.pause(SCOPE, until=began + 60 * SECOND, reason="x", who="test")
    assert await pauses.read() == {SCOPE: began + 60 * SECOND}


async def test_an_end_of_another_zone_is_the_same_moment(core: Core) -> None:
    """A quota ends at midnight in Beijing."""
    midnight = datetime.fromisoformat("2099-01-02T00:00:00+08:00")
    pauses = MysqlPauses(core.database)
    await pauses.pause(SCOPE, until=midnight, reason="45009", who="test")
    assert await pauses.read() == {SCOPE: datetime(2099, 1, 1, 16, tzinfo=UTC)}


async def test_a_person_resumes_and_what_was_put_off_is_due_now(core: Core) -> None:
    pauses = MysqlPauses(core.database)
    until = await now(core) + 600 * SECOND
    await pauses.pause(SCOPE, until=until, reason="45009", who="test")
    put_off, planned = await core.due(), await core.due()
    await core.records.release([PutOff(claimed=await core.claimed(put_off), until=until)])
    await core.records.release([PutOff(claimed=await core.claimed(planned), until=until + SECOND)])

    assert await pauses.resume(SCOPE, reason="the quota was raised", who="ann") == 1

    assert await pauses.read() == {}
    row = await core.row(put_off.notification_id)
    assert row["state"] == "scheduled"
    assert row["due_at"] <= row["now"] + 2 * SECOND, "when every process knows of it"
    assert row["next_sweep_at"] <= row["now"]
    assert (await core.row(planned.notification_id))["due_at"] == until + SECOND


async def test_a_channel_that_does_not_rest_cannot_be_resumed(core: Core) -> None:
    pauses = MysqlPauses(core.database)
    await pauses.pause("channel:webhook", until=None, reason="x", who="test")
    with pytest.raises(NotFound, match="channel wechat is not paused; paused: channel webhook"):
        await pauses.resume(SCOPE, reason="x", who="test")


async def test_a_hostile_reason_is_kept_as_it_is(core: Core) -> None:
    pauses = MysqlPauses(core.database)
    until = await now(core) + timedelta(hours=1)
    await pauses.pause(SCOPE, until=until, reason="'; DROP TABLE x; -- \\ 😀", who="o'brien")
    assert await core.database.fetch("SELECT reason, who FROM notifier_pause") == [
        ("'; DROP TABLE x; -- \\ 😀", "o'brien")
    ]


async def order(core: Core, seconds: int | None, *, who: str = "ann") -> Pause:
    return await MysqlPauses(core.database).order(
        SCOPE,
        until=None,
        lasting=None if seconds is None else seconds * SECOND,
        reason=f"for {seconds}",
        who=who,
    )


async def test_who_gave_the_end_is_shown_and_an_automatic_one_takes_no_persons_name_away(
    core: Core,
) -> None:
    pauses = MysqlPauses(core.database)
    began = await now(core)
    await pauses.pause(SCOPE, until=began + 60 * SECOND, reason="45009", who="tier-1")
    await order(core, None)
    await pauses.pause(SCOPE, until=began + 600 * SECOND, reason="45009", who="tier-1")
    await pauses.pause(SCOPE, until=None, reason="45009", who="tier-1")

    [shown] = await pauses.all()

    assert (shown.scope, shown.until, shown.reason, shown.who) == (SCOPE, None, "for None", "ann")
    assert began <= shown.since <= began + 30 * SECOND


async def test_an_earlier_rest_that_ends_later_stays_and_is_what_is_answered(core: Core) -> None:
    longer = await order(core, 600, who="bob")

    assert await order(core, 60) == longer
    assert await MysqlPauses(core.database).all() == [longer]


async def test_a_new_rest_begins_anew(core: Core) -> None:
    await core.database.run(
        "INSERT INTO notifier_pause VALUES "
        f"('{SCOPE}', NOW(6) - INTERVAL 9 DAY, NOW(6) - INTERVAL 8 DAY, 'old', 'old')"
    )
    fresh = await order(core, None)

    assert (fresh.who, fresh.since >= await now(core) - 30 * SECOND) == ("ann", True)


@pytest.mark.parametrize("seconds", [0, -5])
async def test_an_end_that_is_over_is_refused(core: Core, seconds: int) -> None:
    with pytest.raises(InvalidInput, match=r"until: .* UTC is over already"):
        await order(core, seconds)
    assert await MysqlPauses(core.database).all() == []


async def test_what_was_put_off_before_a_rest_was_prolonged_is_found_again(core: Core) -> None:
    pauses = MysqlPauses(core.database)
    first = await order(core, 600)
    assert first.until is not None
    put_off, planned = await core.due(), await core.due()
    held = PutOff(claimed=await core.claimed(put_off), until=first.until)
    await core.records.release([held])
    await core.set(planned.notification_id, state="scheduled", due_at=first.until)
    await order(core, None)

    assert await pauses.resume(SCOPE, reason="done", who="bob") == 1

    row = await core.row(put_off.notification_id)
    assert row["due_at"] <= row["now"] + 2 * SECOND
    assert (await core.row(planned.notification_id))["due_at"] == first.until, "never claimed"


async def test_who_ended_a_rest_and_why_is_kept(core: Core) -> None:
    await order(core, 600)
    await order(core, None, who="bob")
    await MysqlPauses(core.database).resume(SCOPE, reason="mended", who="eve")

    rows = await core.database.fetch(
        "SELECT scope, reason, who, ended_why, ended_by FROM notifier_pause_ended ORDER BY id"
    )
    assert rows == [
        (SCOPE, "for 600", "ann", "for None", "bob"),
        (SCOPE, "for None", "bob", "mended", "eve"),
    ]
