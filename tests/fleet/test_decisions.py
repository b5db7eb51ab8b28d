"""What is decided without any process."""

from __future__ import annotations

import pytest

from notifier.domain.worker import WorkerReport
from notifier.errors import InvalidInput
from notifier.fleet.backoff import Deaths, RestartPolicy, after_death, is_hopeless, wait_s
from notifier.fleet.options import parse_processes, silence_limit_s
from notifier.fleet.place import Kind, Place, places_of, worker_id_of
from notifier.fleet.report import Failure, Lateness, Tally, beat_of, decode, encode

POLICY = RestartPolicy(give_up_after=3)


def test_processes_are_given_for_all_tiers_or_for_some() -> None:
    assert parse_processes("2", (1, 3)) == {1: 2, 3: 2}
    assert parse_processes(" 1:4 , 5:2 ", (1, 3, 5)) == {1: 4, 3: 1, 5: 2}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "'' is no whole number"),
        ("two", "'two' is no whole number"),
        ("0", "0 is not between 1 and 64"),
        ("65", "65 is not between 1 and 64"),
        ("-1", "'-1' is no whole number"),
        ("1:0", "0 is not between 1 and 64"),
        ("1:2,3", "'3' is no pair TIER:NUMBER"),
        ("7:2", "'7' is no tier of this fleet, which has 1,3"),
        ("1:2,1:3", "tier 1 is given twice"),
        ("1:2,", "'' is no pair TIER:NUMBER"),
    ],
)
def test_processes_that_make_no_sense_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=r"processes: ") as refused:
        parse_processes(text, (1, 3))
    assert reason in str(refused.value)


def test_the_wait_doubles_to_its_longest_and_a_healthy_life_resets_it() -> None:
    deaths, waits = Deaths(), []
    for moment in range(8):
        deaths = after_death(deaths, POLICY, now_s=moment, lived_s=1)
        waits.append(wait_s(deaths, POLICY))
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]

    deaths = after_death(deaths, POLICY, now_s=100, lived_s=60)
    assert wait_s(deaths, POLICY) == 0.2


def test_deaths_within_a_minute_make_it_hopeless_and_older_ones_do_not() -> None:
    deaths = Deaths()
    for moment in (0, 40, 80):
        deaths = after_death(deaths, POLICY, now_s=moment, lived_s=30)
    assert not is_hopeless(deaths, POLICY)
    assert is_hopeless(after_death(deaths, POLICY, now_s=90, lived_s=1), POLICY)


def test_deaths_by_a_server_that_is_away_never_make_it_hopeless() -> None:
    deaths = Deaths()
    for moment in range(10):
        deaths = after_death(deaths, POLICY, now_s=moment, lived_s=0, counts=False)
    assert not is_hopeless(deaths, POLICY)


def test_silence_is_ten_heartbeats_and_at_least_fifteen_seconds() -> None:
    assert [silence_limit_s(heartbeat_s) for heartbeat_s in (0.1, 1, 2)] == [15, 15, 20]


def test_a_fleet_has_a_place_for_each_process_and_one_for_the_calendar() -> None:
    labels = [place.label for place in places_of({1: 2, 5: 1})]
    assert labels == ["tier 1s", "tier 1s/2", "tier 5s", "calendar"]
    with_intake = [place.label for place in places_of({1: 1}, intake=True)]
    assert with_intake == ["tier 1s", "calendar", "intake"]


def test_a_worker_id_is_short_and_never_given_twice() -> None:
    place = Place(kind=Kind.TIER, tier=4_294_967, index=64)
    ids = {worker_id_of(place, fleet="f" * 40, generation=123_456) for _ in range(100)}
    assert len(ids) == 100
    assert max(map(len, ids)) <= 64


def test_reports_arrive_as_they_were_sent() -> None:
    report = WorkerReport(in_flight=2, sent=3, retried=1, last_error="x" * 900)
    beat = beat_of(
        report, ready=True, rss_bytes=1000, lateness=Lateness().with_samples([0.5, 7, 1e9])
    )

    assert beat.tally == Tally(sent=3, retried=1)
    assert len(beat.last_error) == 500
    for sent in (Failure(text="因为"), beat):
        assert decode(encode(sent)) == sent


@pytest.mark.parametrize("packet", [b"", b"[]", b"{}", b'{"Beat": {}}', b'{"Other": {"a": 1}}'])
def test_what_is_no_report_is_refused(packet: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(packet)


def test_latenesses_fall_into_the_bucket_whose_bound_they_do_not_exceed() -> None:
    counts = Lateness().with_samples([1, 1.001, 60_001]).counts
    assert (counts[0], counts[1], counts[-1], sum(counts)) == (1, 1, 1, 3)
