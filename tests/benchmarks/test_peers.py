"""The comparison's pure parts: what the sink wrote, who was faster, and how that is shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from benchmarks.peers import environment, picture, report
from benchmarks.peers.contestants import CONTESTANTS, Contestant, Variant
from benchmarks.peers.cost import Meter, Sample, cost_of, typical
from benchmarks.peers.hits import BadLog, Hit, Tally, read_hits, tally_of
from benchmarks.peers.jobs import compared
from benchmarks.peers.memory import Memory, memory_of
from benchmarks.peers.process import wait_until
from benchmarks.peers.result import document_of, failed
from benchmarks.peers.run import Job, Plan, in_turn, run
from benchmarks.peers.sink import refusing
from benchmarks.peers.verdict import (
    GUARDED_TO_FLOOR,
    Score,
    best_peer,
    checks_of,
    counts,
    growth_check,
    guard_check,
    lateness_checks,
    memory_checks,
)
from notifier.loadtest.lateness import spread_of


def score(*rates: float) -> Score:
    tallies = [Tally(orders=1001, lost=0, doubled=0, seconds=1000 / rate) for rate in rates]
    return Score(label="2 workers", tallies=tallies)


SCORES = {
    "celery": score(900, 1000, 5000),
    "taskiq": score(700),
    "notifier": score(3500),
    "floor": score(4000),
}


def test_a_line_that_is_still_being_written_is_no_hit() -> None:
    assert read_hits("1763754000.123 peer-17\n1763754000.200 pee") == [
        Hit(1763754000.123, "peer-17")
    ]


def test_a_strange_line_in_the_log_is_named() -> None:
    with pytest.raises(BadLog, match=r"'yesterday peer-17'"):
        read_hits("yesterday peer-17\n")


def test_time_counts_from_the_first_hit_to_the_last() -> None:
    tally = tally_of([Hit(10.5, "b"), Hit(10.0, "a"), Hit(12.0, "c")], 3)
    assert tally.is_clean
    assert tally.seconds == 2.0
    assert tally.per_s == 1.0


def test_what_never_came_is_lost_and_what_came_twice_is_doubled() -> None:
    tally = tally_of([Hit(1.0, "a"), Hit(2.0, "a"), Hit(3.0, "b")], 4)
    assert (tally.lost, tally.doubled) == (2, 1)
    assert tally_of([], 3).per_s == 0


def test_the_median_round_counts_and_the_best_peer_is_a_peer() -> None:
    assert SCORES["celery"].per_s == pytest.approx(1000)
    assert best_peer(SCORES) == "celery"


def test_targets_are_met_or_missed_by_their_ratios() -> None:
    checks = checks_of(SCORES, job="dispatch")
    assert [check.is_met for check in checks] == [True, True, True]
    assert counts(checks)
    slow = checks_of({**SCORES, "notifier": score(2900)}, job="dispatch")
    assert [check.is_met for check in slow] == [True, False, False]


def test_a_floor_that_is_none_makes_the_run_void() -> None:
    checks = checks_of({**SCORES, "floor": score(3400)}, job="dispatch")
    assert not counts(checks)
    assert report.verdict(checks).endswith("the floor is none: this run does not count")


def test_who_did_not_take_part_is_neither_met_nor_missed() -> None:
    checks = checks_of({"floor": score(4000)}, job="dispatch")
    assert [check.is_met for check in checks] == [None, None, None]
    assert "not measured" in report.verdict(checks)


def test_the_table_shows_all_from_the_slowest_to_the_fastest() -> None:
    lines = report.table(SCORES).splitlines()
    names = [line.split("|")[1].strip() for line in lines[2:]]
    assert names == ["taskiq", "celery", "notifier", "floor"]
    assert len({len(line) for line in lines}) == 1
    assert "| 4.00        |" in lines[-1]


def test_what_the_delays_take_is_told_apart() -> None:
    line = report.beyond_delays(SCORES, orders=1000, delays_s=0.2)
    assert line.startswith("The delays alone take 0.2 s; beyond them: taskiq 1.2 s, celery 0.8 s")


def test_the_document_holds_every_round() -> None:
    result = compared("dispatch", SCORES, orders=1001)
    document = document_of([result], machine="2 cores", versions={"a": "1"})
    again = json.loads(json.dumps(document))["jobs"]["dispatch"]
    assert again["contestants"]["celery"]["rounds"] == [900, 1000, 5000]
    assert again["checks"][0] == {
        "what": "floor / best peer",
        "least": 3.5,
        "found": pytest.approx(4),
        "met": True,
    }


def test_the_picture_is_one_self_contained_document_with_a_bar_for_each() -> None:
    panels = [
        picture.rates("orders", {"celery": 1000.0, "<b>": 0.0}, note="at least & more"),
        picture.Panel(title="cost", bars=[picture.Bar(name="x", text="3", parts={"<": 1, "b": 2})]),
    ]
    text = picture.svg(panels, title='20,000 "orders"')
    root = ElementTree.fromstring(text)  # noqa: S314
    bars = [float(each.attrib["width"]) for each in root if each.attrib.get("height") == "22"]
    assert [width > 0 for width in bars] == [False, True, True, True]
    assert bars[3] == pytest.approx(2 * bars[2], rel=0.01)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_each_round_begins_with_another_contestant() -> None:
    firsts = [in_turn(CONTESTANTS, number)[0].name for number in range(3)]
    assert len(set(firsts)) == 3
    assert all(len(in_turn(CONTESTANTS, number)) == len(CONTESTANTS) for number in range(9))


def test_the_peers_are_pinned_and_another_list_is_another_environment() -> None:
    text = environment.REQUIREMENTS.read_text()
    installed = environment.versions(text)
    assert len(installed) == len(text.splitlines())
    assert {"celery", "dramatiq", "taskiq", "taskiq-aio-pika", "faststream"} <= set(installed)
    assert environment.fingerprint(b"a==1") != environment.fingerprint(b"a==2")


def test_to_publish_has_a_target_of_its_own_and_needs_no_floor() -> None:
    checks = checks_of(SCORES, job="publish")
    assert [check.is_met for check in checks] == [False]
    assert counts(checks)
    assert checks_of({}, job="publish")[0].is_met is None


def test_refused_calls_tell_nobody_and_one_that_comes_before_its_time_is_early() -> None:
    text = "10.0 a 0\n11.0 a 0\n14.0 a 1\n20.0 b 0\n20.9 b 0\n24.0 b 1\n"
    tally = tally_of(read_hits(text), 2, delays_s=(1, 3))
    assert (tally.lost, tally.doubled, tally.early) == (0, 0, 1)
    assert not tally.is_clean
    assert tally_of(read_hits(text[:18]), 1, delays_s=(1, 3)).lost == 1


def test_a_sink_that_refuses_hears_each_order_in_its_third_call(tmp_path: Path) -> None:
    with refusing(tmp_path) as sink:
        statuses = [_call(sink.port, id_) for id_ in ("x", "y", "x", "x", "y", "x")]
        assert statuses == [400, 400, 400, 200, 400, 200]
        assert wait_until(lambda: sink.count() == 2, 30)
        hits = sink.hits()
    assert [(hit.id, hit.is_heard) for hit in hits[:4]] == [
        ("x", False),
        ("y", False),
        ("x", False),
        ("x", True),
    ]


def _call(port: int, id_: str) -> int:
    url = f"http://127.0.0.1:{port}/hook"
    return httpx.post(url, json={"order": id_}, headers={"webhook-id": id_}).status_code


def sample(told: int, *, own_s: float, rss_mb: float = 70.0) -> Sample:
    return Sample(
        told=told,
        own={"tier 1s": own_s},
        servers={"mariadb": own_s / 2},
        rss_mb={"tier 1s": rss_mb},
    )


def test_cost_counts_from_the_first_order_told_and_leaves_the_start_out() -> None:
    samples = [sample(0, own_s=1), sample(100, own_s=2), sample(600, own_s=2.5)]
    cost = cost_of(samples)
    assert cost is not None
    assert cost.own == {"tier 1s": pytest.approx(1000)}
    assert cost.own_us == pytest.approx(1000)
    assert cost.all_us == pytest.approx(1500)
    assert cost_of(samples[:2]) is None
    assert typical([]) is None


def test_what_a_process_has_taken_is_read_from_the_system() -> None:
    meter = Meter("pytest", os.getpid(), {"both": [os.getpid(), 2**22 + 1]})
    meter.look_around()
    found = meter.sample(7)
    assert found.own["pytest"] > 0
    assert found.servers["both"] >= found.own["pytest"]
    assert found.rss_mb["pytest"] > 1


def test_memory_is_flat_or_not_by_its_quarters_but_for_the_first() -> None:
    samples = [
        sample(told, own_s=0, rss_mb=mb) for told, mb in ((20, 40), (40, 60), (60, 61), (90, 66))
    ]
    memory = memory_of(samples, 100)
    assert memory == Memory(notifications=100, most_mb=66, quarters_mb=(40, 60, 61, 66))
    assert [check.is_met for check in memory_checks(memory)] == [True, False]
    assert memory_of(samples, 100, name="calendar") is None


def test_lateness_has_targets_for_some_rates() -> None:
    spreads = {500: spread_of([1.0] * 99 + [20.0]), 1_000: spread_of([39.0, 41.0])}
    assert [check.is_met for check in lateness_checks(spreads)] == [True, True, False]
    assert [check.is_met for check in lateness_checks({})] == [None, None, None]


def test_a_million_that_wait_may_cost_a_tenth() -> None:
    assert growth_check({0: 1000, 5: 10, 10: 900}).is_met
    assert not growth_check({0: 1000, 5: 1000, 10: 899}).is_met
    assert growth_check({0: 1000}).is_met is None


def test_the_guard_goes_by_the_median_ratio_of_a_round() -> None:
    low, enough = (GUARDED_TO_FLOOR - 0.01) * 100, (GUARDED_TO_FLOOR + 0.01) * 10
    assert guard_check([(low, 100), (enough, 10), (9, 10)]).is_met
    assert not guard_check([(low, 100), (low, 100), (10, 10)]).is_met


def test_a_peer_far_behind_the_best_one_has_one_round_and_the_others_all() -> None:
    speeds = {"celery": 740, "dramatiq": 1000, "taskiq": 750, "notifier": 5, "floor": 10}
    asked = [one for one in CONTESTANTS if one.name in speeds]

    def do(one: Contestant, _: Variant, orders: int) -> Tally:
        return Tally(orders=orders, lost=0, doubled=0, seconds=(orders - 1) / speeds[one.name])

    job = Job(do=do, variants=lambda one: one.variants)
    best = {one.name: one.variants[0] for one in asked}
    scores = run(job, asked, best, plan=Plan(orders=101, rounds=3), say=lambda _: None)
    assert {name: len(each.tallies) for name, each in scores.items()} == {
        "celery": 1,
        "dramatiq": 3,
        "taskiq": 3,
        "notifier": 3,
        "floor": 3,
    }


def test_a_job_that_failed_says_why_and_is_not_met() -> None:
    result = failed("growth", "nobody is at work")
    assert not result.is_met
    assert "nobody is at work" in result.text
    assert document_of([result], machine="", versions={})["jobs"]["growth"]["clean"] is False
