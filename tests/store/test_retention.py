"""What is old goes with all that belongs to it; what is asked to be forgotten leaves no name."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from notifier.dispatch.forget import forget
from notifier.dispatch.retention import Retention as Sweeping
from notifier.domain.forgetting import Forgotten, Subject
from notifier.domain.outcome import Permanent, Sent
from notifier.store import forgetting
from notifier.store.forgetting import Forgetting
from notifier.store.operators import Deeds
from notifier.store.retention import Retention
from tests.core import Core
from tests.store.scene import OPENID, Scene, order_no_of

MONTH = timedelta(days=30)
TABLES = ("notifier_notification", "notifier_attempt", "tg_log_order_dispatch")


async def told(scene: Scene, number: int = 1) -> UUID:
    """An order that was dispatched, its designer told; the publisher's is left to the caller."""
    id_ = await scene.accept(number)
    await scene.record(await scene.claim(id_), Sent(external_id="99887766"))
    return id_


async def age(core: Core, days: int) -> None:
    """As if everything had happened so long ago: ids begin with their time."""
    milliseconds = days * 86_400_000
    for table, column in (
        ("notifier_notification", "id"),
        ("notifier_notification", "parent_id"),
        ("notifier_attempt", "notification_id"),
    ):
        await core.database.run(
            f"UPDATE {table} SET {column} = UNHEX(CONCAT(LPAD(HEX(CONV(LEFT(HEX({column}), 12), 16,"
            f" 10) - {milliseconds}), 12, '0'), SUBSTRING(HEX({column}), 13))) "
            f"WHERE {column} IS NOT NULL"
        )
    for column in ("settled_at", "accepted_at"):
        await core.database.run(
            f"UPDATE notifier_notification SET {column} = {column} - INTERVAL {days} DAY"
        )


async def counts(core: Core) -> list[int]:
    return [
        int((await core.database.fetch(f"SELECT COUNT(*) FROM {table}"))[0][0]) for table in TABLES
    ]


async def end_all(core: Core) -> None:
    await core.database.run(
        "UPDATE notifier_notification SET state = 'sent', settled_at = NOW(6), "
        "next_sweep_at = NULL WHERE settled_at IS NULL"
    )


async def sweep(core: Core, *, chunk: int = 3) -> int:
    return await Sweeping(Retention(core.database, keep=MONTH, chunk=chunk)).sweep()


async def test_what_ended_longer_ago_than_it_is_kept_goes_with_its_attempts_and_log(
    core: Core, scene: Scene
) -> None:
    for number in range(1, 5):
        await told(scene, number)
    await end_all(core)
    await core.database.run(
        "INSERT INTO tg_log_order_dispatch (content, runtime, w_time) VALUES "
        "('old', 0, NOW() - INTERVAL 31 DAY), ('young', 0, NOW() - INTERVAL 29 DAY)"
    )
    await age(core, 31)
    await told(scene, 5)

    assert await sweep(core) == 4 * 2 + 1
    assert await counts(core) == [2, 1, 1]
    assert (await scene.audit()).is_clean


async def test_what_still_has_to_be_told_stays_however_old_it_is(core: Core, scene: Scene) -> None:
    await told(scene)
    await age(core, 400)

    assert await sweep(core) == 0
    await end_all(core)
    await core.database.run(
        "UPDATE notifier_notification SET settled_at = settled_at - INTERVAL 29 DAY "
        "WHERE parent_id IS NOT NULL"
    )
    assert await sweep(core) == 0, "the designer's stays as long as its publisher's"
    await core.database.run(
        "UPDATE notifier_notification SET settled_at = settled_at - INTERVAL 2 DAY "
        "WHERE parent_id IS NOT NULL"
    )
    assert await sweep(core) == 2
    assert await counts(core) == [0, 0, 0]


async def test_what_operators_did_goes_as_the_rest_does_and_no_audit_misses_it(
    core: Core, scene: Scene
) -> None:
    await told(scene)
    await end_all(core)
    deeds = Deeds(core.database)
    for number in range(5):
        at = await deeds.begin(who="ida", deed="replay", target=f"{number}", why="asked", asked=1)
        await deeds.end(at, done=1)
    await core.database.run(
        "UPDATE notifier_deed SET done_at = done_at - INTERVAL 31 DAY WHERE target < 4"
    )
    before = await scene.audit()

    assert await sweep(core) == 4
    assert [deed.target for deed in await deeds.newest(9)] == ["4"]
    assert await counts(core) == [2, 1, 0]
    assert await scene.audit() == before


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "CHUNK", 2)


async def forget_all(core: Core, subject: Subject) -> Forgotten:
    return await forget(subject, Forgetting(core.database), sources=(), looked=lambda _: None)


async def everything(core: Core) -> str:
    rows = [await core.database.fetch(f"SELECT * FROM {table}") for table in TABLES]
    return repr(rows)


@pytest.mark.usefixtures("small_chunks")
async def test_whoever_is_forgotten_is_in_no_table_any_more_and_the_counts_stay(
    core: Core, scene: Scene
) -> None:
    await told(scene, 1)
    dead = await scene.accept(2)
    await scene.record(
        await scene.claim(dead), Permanent(code="43004", detail=f"{OPENID} does not follow")
    )
    waiting = await scene.accept(3)
    await core.database.run(
        "INSERT INTO tg_log_order_dispatch (content, runtime, w_time) VALUES (%s, 0, NOW()), "
        "(%s, 0, NOW()), (%s, 0, NOW())",
        [
            f"{order_no_of(1)}派单成功, errmsg:ok",
            f"执行成功,订单号:{order_no_of(2)} (x)",
            "99派单成功",
        ],
    )
    before = await counts(core)

    found = await forget_all(core, Subject(recipient=OPENID))

    assert (found.rows, found.cancelled, found.in_flight, found.lines) == (3, 1, 0, 2)
    said = await everything(core)
    for trace in (OPENID, "李伟测试", "99887766"):
        assert trace not in said
    after = await counts(core)
    assert after[:2] == before[:2]
    row = await core.row(waiting)
    assert (row["state"], row["reason"]) == ("cancelled", "forgotten")
    assert (await scene.audit()).is_clean


async def test_an_order_is_forgotten_with_both_who_were_told_of_it(
    core: Core, scene: Scene
) -> None:
    await told(scene, 1)
    await told(scene, 2)
    await end_all(core)

    found = await forget_all(core, Subject(order_no=order_no_of(1)))

    assert found.rows == 2
    rows = await core.database.fetch(
        "SELECT order_no FROM notifier_notification WHERE recipient = ''"
    )
    assert rows == [(order_no_of(1),)] * 2


async def test_an_attempt_under_way_is_left_alone_and_counted(core: Core, scene: Scene) -> None:
    id_ = await scene.accept(1)
    claimed = await scene.claim(id_)

    found = await forget_all(core, Subject(order_no=order_no_of(1)))
    assert (found.rows, found.in_flight) == (1, 1), "the publisher's waits, the designer's flies"
    await scene.record(claimed, Sent())
    assert (await forget_all(core, Subject(order_no=order_no_of(1)))).in_flight == 0
    assert OPENID not in await everything(core)


async def test_a_purge_that_the_database_refuses_is_logged_and_stops_nothing_else(
    core: Core,
) -> None:
    """As a database user without the right to delete would have it."""
    await core.database.run("RENAME TABLE tg_log_order_dispatch TO tg_log_elsewhere")
    try:
        with capture_logs() as logs:
            running = asyncio.create_task(
                Sweeping(Retention(core.database, keep=MONTH, chunk=3)).run()
            )
            deadline = time.monotonic() + 5
            while not logs and not running.done():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            assert not running.done(), "it would take the calendar with it"
            assert [line["event"] for line in logs] == ["retention.refused"]
            running.cancel()
    finally:
        await core.database.run("RENAME TABLE tg_log_elsewhere TO tg_log_order_dispatch")
