"""What the dashboard reads, on a real database: right, bounded, and by an index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from notifier.domain.notification import State
from notifier.domain.overview import CalendarAhead, Count, Counts
from notifier.store.endpoint_overview import EndpointOverview
from notifier.store.failures import MOST, FailureRows
from notifier.store.mysql import Database, MysqlOptions, Row
from notifier.store.overview import MOST_A_MINUTE, MOST_ATTEMPTS, OverviewRows
from notifier.store.pauses import MysqlPauses
from notifier.store.timelines import Timelines
from tests.core import SECOND, Core

LEAD = 10 * SECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
HOSTILE = "<script>alert(1)</script>' OR 1=1 -- \x00\u202e%s {0} 😈"
SMALL = {"notifier_endpoint", "notifier_pause"}
"""Tables of which a page may read every row."""
NUMBERS = (
    "(WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 149) "
    "SELECT a.i * 150 + b.i AS i FROM n a JOIN n b) AS numbers"
)
"""22,500 of them."""


class Watched(Database):
    """Remembers what was asked."""

    asked: list[tuple[str, Sequence[Any]]]

    async def fetch(self, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        self.asked.append((sql, arguments))
        return await super().fetch(sql, arguments)


async def put(core: Core, **columns: object) -> UUID:
    """A row; a timedelta is a moment, seen from now."""
    id_ = uuid4()
    values = {
        "id": id_.bytes,
        "role": "recipient",
        "channel": "wechat",
        "recipient": "oAnybody_00000001",
        "state": "waiting",
        "tier": 1,
        "due_at": timedelta(0),
        "accepted_at": timedelta(0),
    } | columns
    await _insert(core, "notifier_notification", values)
    return id_


async def attempt(core: Core, id_: UUID | None = None, **columns: object) -> None:
    """One that began just now."""
    values = {
        "notification_id": (id_ or uuid4()).bytes,
        "attempt": 1,
        "seq": 1,
        "step": 0,
        "tier": 1,
        "due_at": timedelta(0),
        "started_at": timedelta(0),
        "duration_us": 1000,
        "lateness_us": 1000,
        "outcome": "sent",
    } | columns
    await _insert(core, "notifier_attempt", values)


async def _insert(core: Core, table: str, values: Mapping[str, object]) -> None:
    moments = [isinstance(value, timedelta) for value in values.values()]
    marks = ["NOW(6) + INTERVAL %s MICROSECOND" if moment else "%s" for moment in moments]
    await core.database.run(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(marks)})",
        [
            v // timedelta(microseconds=1) if isinstance(v, timedelta) else v
            for v in values.values()
        ],
    )


async def ended(core: Core, reason: str, *, ago: timedelta = SECOND, **columns: object) -> UUID:
    values = {"state": "dead", "reason": reason, "settled_at": -ago} | columns
    return await put(core, **values)


async def endpoint(core: Core, name: str) -> None:
    await core.database.run(
        "INSERT INTO notifier_endpoint (name, url, dialect, secret, created_at, changed_at) "
        "VALUES (%s, 'https://shop.example.com/', 'standard', '', NOW(6), NOW(6))",
        [name],
    )


def holding(calendar: CalendarAhead, moment: datetime) -> Count:
    (found,) = [b.count for b in calendar.buckets if b.begins <= moment < b.begins + b.lasts]
    return found


async def test_of_empty_tables_all_is_none_and_nothing_is_guessed(core: Core) -> None:
    overview = OverviewRows(core.database)
    nothing = Count(number=0)
    assert await overview.on_their_way() == []
    assert await overview.counts() == Counts(scheduled=nothing, dead=nothing, unknown=nothing)
    pace = await overview.pace()
    assert (pace.window, list(pace.cells)) == (5 * MINUTE, [])
    assert pace.of(1).lateness_p50 is None
    assert await overview.given_up(pace.window) == {}
    calendar = await overview.calendar(lead=LEAD)
    assert {bucket.count for bucket in calendar.buckets} == {nothing}
    failures = await FailureRows(core.database).grouped()
    assert (failures.groups, failures.looked_at, failures.more) == ([], 0, False)
    seen = await EndpointOverview(core.database).read(lead=LEAD)
    assert (seen.endpoints, seen.number, seen.held, seen.put_off) == ([], 0, {}, {})


async def test_what_waits_and_flies_is_counted_by_tier_with_what_is_overdue(core: Core) -> None:
    for state, tier, due in [
        ("waiting", 1, -HOUR),
        ("waiting", 1, MINUTE),
        ("waiting", 5, MINUTE),
        ("in_flight", 1, -SECOND),
    ]:
        await put(core, state=state, tier=tier, due_at=due, next_sweep_at=MINUTE)
    for state in ("scheduled", "dead", "dead", "unknown", "sent", "cancelled"):
        await put(core, state=state)

    found = await OverviewRows(core.database).on_their_way()

    assert {(one.state, one.tier, one.count.number, one.overdue) for one in found} == {
        ("waiting", 1, 2, 1),
        ("waiting", 5, 1, 0),
        ("in_flight", 1, 1, 0),
    }
    counts = await OverviewRows(core.database).counts()
    assert [c.number for c in (counts.scheduled, counts.dead, counts.unknown)] == [1, 2, 1]


async def test_lateness_and_outcomes_are_of_the_tier_and_of_the_last_minutes(core: Core) -> None:
    for late_us in [10_000] * 60 + [-300] + [5_000_000] * 2:
        await attempt(core, tier=5, lateness_us=late_us)
    await attempt(core, tier=5, outcome="unknown", lateness_us=10_000)
    await attempt(core, tier=15, outcome="dead", lateness_us=2_000_000)
    await attempt(core, tier=30, lateness_us=9_000_000, started_at=-HOUR)

    pace = await OverviewRows(core.database).pace()

    five, fifteen = pace.of(5), pace.of(15)
    assert (five.sent, five.retried, five.dead, five.other) == (63, 0, 0, 1)
    assert five.lateness_p50 is not None
    assert five.lateness_p99 is not None
    assert abs(five.lateness_p50 / timedelta(milliseconds=10) - 1) < 0.09
    assert abs(five.lateness_p99 / (5 * SECOND) - 1) < 0.09
    assert fifteen.dead == 1
    assert pace.of(30).lateness_p50 is None
    await ended(core, "exhausted:-1", tier=15)
    await ended(core, "exhausted:-1", tier=15, ago=HOUR)
    assert await OverviewRows(core.database).given_up(pace.window) == {15: Count(number=1)}


async def test_the_calendar_ahead_has_each_at_its_moment_by_when_it_is_due(core: Core) -> None:
    ((now,),) = await core.database.fetch("SELECT NOW(6)")
    for after in (5 * MINUTE, 5 * MINUTE, 3 * HOUR, -HOUR, 48 * HOUR):
        await put(core, state="scheduled", due_at=after, next_sweep_at=after - LEAD)

    calendar = await OverviewRows(core.database).calendar(lead=LEAD)

    assert holding(calendar, now + 3 * HOUR) == Count(number=1)
    assert sum(bucket.count.number for bucket in calendar.buckets) == 3
    assert sum(b.count.number for b in calendar.buckets if b.lasts == MINUTE) == 2
    assert (calendar.beyond.before, calendar.beyond.after) == (Count(number=1), Count(number=1))
    ends = [bucket.begins + bucket.lasts for bucket in calendar.buckets]
    assert [bucket.begins for bucket in calendar.buckets[1:]] == ends[:-1]


async def test_failures_are_grouped_by_reason_the_newest_first_with_its_last_words(
    core: Core,
) -> None:
    await ended(core, "exhausted:-1", ago=HOUR)
    newest = await ended(core, "exhausted:-1", ago=MINUTE, attempt=2, order_no="1912000000001")
    await attempt(core, newest, outcome="retry", code="43004")
    await attempt(core, newest, attempt=2, outcome="dead", code="-1", detail="system busy")
    await ended(core, "expired", ago=SECOND)
    await ended(core, "exhausted:timeout", ago=2 * HOUR, state="unknown")

    failures = await FailureRows(core.database).grouped()

    assert [(group.state, group.reason, group.count) for group in failures.groups] == [
        ("dead", "expired", 1),
        ("dead", "exhausted:-1", 2),
        ("unknown", "exhausted:timeout", 1),
    ]
    group = failures.groups[1]
    assert (group.newest.id, group.newest.words) == (newest, "-1 system busy")
    assert (failures.looked_at, failures.more) == (4, False)


async def test_hostile_text_comes_back_as_it_is_and_changes_no_question(core: Core) -> None:
    id_ = await ended(core, HOSTILE, order_no=HOSTILE, channel="webhook", recipient=HOSTILE * 9)
    await attempt(core, id_, outcome="dead", code="http_400", detail=HOSTILE)
    await core.database.run(
        "INSERT INTO notifier_answer VALUES (%s, 1, 400, 1000, %s)", [id_.bytes, b"\xff<h1>\x00%s"]
    )
    rows = FailureRows(core.database)

    (one,) = await rows.listed(State.DEAD, reason=HOSTILE, before=None, most=10)

    assert (one.id, one.reason, one.order_no) == (id_, HOSTILE, HOSTILE)
    assert one.words.startswith(f"http_400 {HOSTILE} HTTP 400 \ufffd<h1>")
    assert (await rows.grouped()).groups[0].newest == one
    for reason in ("' OR 1=1 -- ", "%", "<script>"):
        assert await rows.listed(State.DEAD, reason=reason, before=None, most=10) == []
    (told,) = await Timelines(core.database).of_order(HOSTILE)
    assert told.standing.id == id_


async def test_dead_letters_come_in_pages_by_reason_and_apart_from_undecided_ones(
    core: Core,
) -> None:
    ids = sorted([await ended(core, f"exhausted:{n % 2}") for n in range(7)], reverse=True)
    undecided = await ended(core, "exhausted:1", state="unknown")
    rows = FailureRows(core.database)

    first = await rows.listed(State.DEAD, reason=None, before=None, most=4)
    second = await rows.listed(State.DEAD, reason=None, before=first[-1].id, most=4)

    assert [one.id for one in [*first, *second]] == ids
    assert len(await rows.listed(State.DEAD, reason="exhausted", before=None, most=10)) == 7
    assert len(await rows.listed(State.DEAD, reason="exhausted:0", before=None, most=10)) == 4
    found = await rows.listed(State.UNKNOWN, reason=None, before=None, most=10)
    assert [one.id for one in found] == [undecided]


async def test_what_is_held_back_is_counted_by_its_endpoint_and_what_rests_by_its_scope(
    core: Core,
) -> None:
    for name in ("down", "well"):
        await endpoint(core, name)
    pauses = MysqlPauses(core.database)
    early = {"state": "scheduled", "channel": "webhook", "claimed_at": -HOUR}
    await put(core, **early, recipient="endpoint:well", next_sweep_at=MINUTE)
    await pauses.pause("endpoint:well", until=None, reason="they migrate", who="mei")
    standing = await pauses.order(
        "channel:push", until=None, lasting=2 * HOUR, reason="night", who="mei"
    )
    now = {"state": "scheduled", "claimed_at": SECOND, "next_sweep_at": 9 * MINUTE}
    await put(core, **now, channel="webhook", recipient="endpoint:well")
    for _ in range(2):
        await put(core, **now, channel="webhook", recipient="endpoint:down", reason="endpoint_down")
    assert standing.until is not None
    far = now | {"due_at": standing.until, "next_sweep_at": standing.until - LEAD}
    for number in range(3):
        await put(core, **far, channel="push", recipient=f"user-{number}")

    seen = await EndpointOverview(core.database).read(lead=LEAD)

    assert [one.form.name for one in seen.endpoints] == ["well", "down"]
    assert seen.held == {"endpoint:down": (Count(number=2), "endpoint_down")}
    assert seen.put_off == {"endpoint:well": Count(number=1), "channel:push": Count(number=3)}


@pytest.fixture
async def many(core: Core) -> None:
    """22,500 of each kind, all of them within a minute."""
    columns = "id, role, channel, recipient, state, reason, tier, due_at, next_sweep_at"
    for number, (state, sweep) in enumerate(
        [("scheduled", "NOW(6) + INTERVAL 2 MINUTE"), ("dead", "NULL"), ("sent", "NULL")]
    ):
        await core.database.run(
            f"INSERT INTO notifier_notification ({columns}, accepted_at, settled_at, order_no) "
            f"SELECT UNHEX(LPAD(HEX(i + {number * 100_000}), 32, '0')), 'recipient', 'wechat', 'o',"
            f" '{state}', CONCAT('exhausted:', i % 3), 1, NOW(6) + INTERVAL 2 MINUTE, {sweep}, "
            f"NOW(6), NOW(6), CONCAT('many', i) FROM {NUMBERS}"
        )
    await core.database.run(
        "INSERT INTO notifier_attempt (notification_id, attempt, seq, step, tier, due_at, "
        "started_at, duration_us, lateness_us, outcome, code) "
        "SELECT UNHEX(LPAD(HEX(i + 100000), 32, '0')), 1, 1, 0, 1, NOW(6), "
        "NOW(6) - INTERVAL i * 1000 MICROSECOND, 1000, 1000, 'dead', '-1' "
        f"FROM {NUMBERS}"
    )
    # An empty table would be read as a whole, and rightly so.
    await core.database.run(
        "INSERT INTO notifier_receipt (msg_id, status, received_at) "
        f"SELECT CONCAT('m', i), 'success', NOW(6) FROM {NUMBERS}"
    )
    await core.database.run(
        "INSERT INTO notifier_answer (notification_id, attempt, status, latency_us, body) "
        "SELECT notification_id, attempt, 500, 1000, 'no' FROM notifier_attempt"
    )
    await core.database.run(
        "ANALYZE TABLE notifier_notification, notifier_attempt, notifier_answer, notifier_receipt"
    )


@pytest.fixture
async def watched(schema: MysqlOptions) -> AsyncIterator[Watched]:
    watched = Watched(schema)
    watched.asked = []
    yield watched
    await watched.close()


@pytest.mark.usefixtures("many")
async def test_with_many_rows_every_bound_is_said_and_every_question_goes_by_an_index(
    core: Core, watched: Watched
) -> None:
    overview, rows = OverviewRows(watched), FailureRows(watched)

    await overview.on_their_way()
    pace = await overview.pace()
    given_up = await overview.given_up(pace.window)
    counts = await overview.counts()
    calendar = await overview.calendar(lead=LEAD)
    failures = await rows.grouped()
    page = await rows.listed(State.DEAD, reason="exhausted:1", before=None, most=50)
    await rows.listed(State.UNKNOWN, reason=None, before=page[-1].id, most=50)
    seen = await EndpointOverview(watched).read(lead=LEAD)
    await Timelines(watched).of_order("many1")
    await Timelines(watched).of_id(page[0].id)
    scans = [each for asked in watched.asked for each in await _scans(core, *asked)]

    assert sum(cell[3] for cell in pace.cells) == MOST_ATTEMPTS
    assert pace.window < 5 * MINUTE
    assert given_up[1].more
    assert (counts.dead, counts.scheduled) == (Count(number=22_500), Count(number=22_500))
    assert Count(number=MOST_A_MINUTE, more=True) in {b.count for b in calendar.buckets}
    assert (failures.more, failures.looked_at) == (True, MOST + 1)
    assert len(page) == 50
    assert (seen.held, seen.put_off) == ({}, {})
    assert not scans, "\n".join(scans)
    assert await _scans(core, "SELECT 1 FROM notifier_notification WHERE reason = 'x'", [])


async def _scans(core: Core, sql: str, arguments: Sequence[Any]) -> list[str]:
    """The tables of which the database would read every row, whatever it keeps of them."""
    if " FROM " not in sql:
        return []
    ((version,),) = await core.database.fetch("SELECT VERSION()")
    is_mariadb = "MariaDB" in version
    # MySQL 9 would draw a tree, and has a column for partitions after the table's.
    explain, at = ("EXPLAIN", 3) if is_mariadb else ("EXPLAIN FORMAT=TRADITIONAL", 4)
    plan = await core.database.fetch(f"{explain} {sql}", arguments)
    # id, select_type, table, type, possible_keys, key, …
    read = [(row[2], row[at], row[at + 2]) for row in plan]
    names = {"n": "notifier_notification", "a": "notifier_attempt", "r": "notifier_answer"}
    names |= {"p": "notifier_pause", "e": "notifier_endpoint", "t": "notifier_pause"}
    return [
        f"{names.get(table, table)} {kind} {key}: {sql}"
        for table, kind, key in read
        if table is not None and not table.startswith("<")
        if names.get(table, table) not in SMALL
        if kind in ("ALL", "index") or key is None
    ]
