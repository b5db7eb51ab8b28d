"""The page of a load test: everything is in it, and nothing else is asked of anybody."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from notifier.domain.notification import State
from notifier.loadtest.charts import Columns, figure, svg
from notifier.loadtest.course import Course, course_of
from notifier.loadtest.judge import Verdict
from notifier.loadtest.lateness import AttemptRow, Spread, by_attempts, distribution
from notifier.loadtest.machine import Machine
from notifier.loadtest.page import page_of
from notifier.loadtest.report import Accepting, Asked, Report

EVIL = """<script src="https://evil.example/x.js">'&"</script>"""
DUE = datetime(2026, 11, 21, 13, 0, 0, tzinfo=UTC)


def attempt(
    second: float, lateness_ms: float, *, tier: int = 1, outcome: str = "sent"
) -> AttemptRow:
    due_at = DUE + timedelta(seconds=second)
    return AttemptRow(whom=EVIL, tier=tier, due_at=due_at, lateness_ms=lateness_ms, outcome=outcome)


ATTEMPTS = [
    *(attempt(second / 10, 3.0) for second in range(40)),
    attempt(1, 12_345.0, tier=3),
    attempt(1, 7.0, outcome="retry"),
    attempt(1, 7.0, outcome="released"),
]


@pytest.fixture
def report() -> Report:
    return Report(
        run=f"r{EVIL}",
        asked=Asked(
            channel=EVIL,
            count=4321,
            endpoints=None,
            rate=None,
            fail=0.25,
            base_url=EVIL,
            control_url=EVIL,
        ),
        machine=Machine(cores=2, system=EVIL, python="3.11", load=0.5),
        accepting=Accepting(
            count=4321, promised=8642, seconds=1.5, ids_file=Path("ids"), held_up=EVIL
        ),
        settled_in_time=False,
        states={State.SENT: 8600, State.DEAD: 40, State.WAITING: 2},
        wall_s=10.0,
        verdict=Verdict(
            told=8600, lost=(f"one{EVIL}",), doubled=("two",), unpromised=(), repeated_calls=0
        ),
        refusals={EVIL: 17},
        attempted=by_attempts(ATTEMPTS),
        received={1: Spread(count=9, p50=1.0, p95=2.0, p99=3.0, max=4567.8)},
        distribution=distribution(ATTEMPTS),
        course=course_of({DUE.timestamp() - 1: 4321}, ATTEMPTS),
        settings={f"s{EVIL}": EVIL},
    )


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_asks_nobody_for_anything_and_is_well_formed(report: Report) -> None:
    page = page_of(report)
    tags = Tags(page)
    assert tags.open == []
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(tags.tags)
    assert not {"src", "href", "srcset", "action"} & tags.attributes
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert "prefers-color-scheme: dark" in style[1]


def test_what_came_from_outside_is_text_and_nothing_else(report: Report) -> None:
    page = page_of(report)
    assert EVIL not in page
    assert "<script" not in page
    assert page.count("&lt;script src=&quot;https://evil.example/x.js&quot;&gt;") >= 10


def test_the_page_has_the_numbers_of_the_report(report: Report) -> None:
    page = page_of(report)
    for number in ("4,321", "8,600", "864", "12,345.0", "4,567.8", "sent: 8,600", ": 17"):
        assert number in page, number
    assert "NOT CLEAN: 2 had not come to an end in time" in page
    assert page.count("<svg") == 4
    assert "≤ 5 ms: attempts 40<" in page
    assert "> 10 s: attempts 1<" in page.replace("&gt;", ">")


def test_a_run_that_nobody_could_judge_says_so(report: Report) -> None:
    states = {State.SENT: 8642}
    unknown = replace(
        report, verdict=None, states=states, settled_in_time=True, course=None, wall_s=None
    )
    page = page_of(replace(unknown, attempted={}, distribution={}, received={}))
    assert page.count("not known") == 4
    assert "<svg" not in page
    assert "NOT CLEAN" not in page


def test_a_course_counts_from_the_first_acceptance_in_steps_that_fit_a_page() -> None:
    began = DUE.timestamp() - 1
    course = course_of({began: 30, began + 0.5: 10}, ATTEMPTS)
    assert course is not None
    assert course.step_s == 0.2
    assert (sum(course.accepted), sum(course.told), sum(course.refused)) == (40, 41, 1)
    assert course.accepted[:3] == (30, 0, 10)
    assert sum(course.told[:5]) == 0
    assert course_of({}, ATTEMPTS) is None
    long = course_of({began: 1, began + 100_000: 1}, [])
    assert long == Course(
        step_s=600.0, accepted=(1, *[0] * 165, 1), told=(0,) * 167, refused=(0,) * 167
    )


def test_a_distribution_leaves_nothing_out_but_what_was_never_made() -> None:
    found = distribution([*ATTEMPTS, attempt(2, -1.0), attempt(2, 1.0), attempt(2, 1.1)])
    assert found[1][:4] == (2, 1, 40, 1)
    assert found[3] == (*[0] * 13, 1)


def test_a_chart_without_anything_is_still_one() -> None:
    empty = Columns(title="<none>", series={"told": ()}, names=(), marks={})
    assert svg(empty).startswith("<svg ")
    assert [figure(value) for value in (0, 0.25, 12.34, 1234.5)] == ["0", "0.25", "12.3", "1,234"]
