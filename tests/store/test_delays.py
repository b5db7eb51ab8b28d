"""The recorded choice of a delay mechanism, on the real database."""

from __future__ import annotations

import asyncio

from notifier.store.delays import DelayChoices
from notifier.store.handover import FIRST, Handover
from notifier.store.mysql import MysqlOptions
from notifier.store.upgrade import newest, upgrade
from tests.core import SECOND, Core, anybody


async def test_the_first_choice_counts_however_many_choose_at_once(core: Core) -> None:
    await core.database.run("DELETE FROM notifier_delay")
    choices = DelayChoices(core.database)
    assert await choices.read() is None

    made = await asyncio.gather(
        *(choices.choose(name, why="auto") for name in ("exchange", "queues") * 4)
    )

    assert len({choice.mechanism for choice in made}) == 1
    assert await choices.read() == made[0]


async def test_a_change_is_recorded_with_its_reason_and_its_time(core: Core) -> None:
    choices = DelayChoices(core.database)
    before = await choices.change("exchange", why="auto")

    after = await choices.change("queues", why="w" * 500)

    assert (after.mechanism, after.why) == ("queues", "w" * 191)
    assert after.since > before.since


async def test_whoever_has_notifications_already_has_them_on_the_exchange(
    core: Core, schema: MysqlOptions
) -> None:
    """An upgrade from before there was a choice."""
    for rows, expected in ((0, None), (1, "exchange")):
        if rows:
            await core.accept(anybody())
        await core.database.run("DROP TABLE notifier_delay")
        await core.database.run("UPDATE notifier_version SET version_num = '0001'")
        versions = await asyncio.to_thread(upgrade, schema)
        assert (versions.before, versions.after) == ("0001", newest())
        choice = await DelayChoices(core.database).read()
        assert (choice and choice.mechanism) == expected


async def test_what_waits_is_given_back_under_a_new_number_and_what_flies_or_ended_is_not(
    core: Core,
) -> None:
    waiting = await core.due()
    await core.shift(waiting.notification_id, "due_at", 30)
    flying = await core.claimed(await core.due())
    handover = Handover(core.database, lead=10 * SECOND, batch=2)

    ids = await handover.waiting()
    assert await handover.give_back([*ids, flying.notification.id.bytes]) == 1

    row = await core.row(waiting.notification_id)
    assert (row["state"], row["seq"]) == ("scheduled", waiting.seq + 1)
    assert row["next_sweep_at"] == row["due_at"] - 10 * SECOND
    assert (await core.row(flying.notification.id))["state"] == "in_flight"


async def test_every_row_of_the_calendar_gets_its_new_look_once(core: Core) -> None:
    submissions = [anybody(delay=(100 + n) * SECOND) for n in range(7)]
    ids = [accepted.id for accepted in (await core.accept(*submissions)).accepted]
    for lead in (0 * SECOND, 60 * SECOND):
        handover = Handover(core.database, lead=lead, batch=2)
        place, looked_at = await handover.reschedule(FIRST)
        while place is not None:
            place, count = await handover.reschedule(place)
            looked_at += count
        assert looked_at == 7
        for id_ in ids:
            row = await core.row(id_)
            assert (row["state"], row["seq"]) == ("scheduled", 1)
            assert row["next_sweep_at"] == row["due_at"] - lead
