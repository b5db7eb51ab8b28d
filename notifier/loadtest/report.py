"""The report of a run: figures, JSON, and lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from notifier.domain.notification import TERMINAL, ChannelName, State
from notifier.loadtest.course import Course
from notifier.loadtest.judge import Verdict
from notifier.loadtest.lateness import EDGES_MS, Spread
from notifier.loadtest.machine import Machine

NAMED = 10
"""How many names of each kind a person is shown; the JSON names up to a hundred times as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the run was told to do.

    count: orders, webhooks or pushes. endpoints: that webhooks go to.
    rate: a second, None for as fast as accepted.
    """

    channel: str
    count: int
    endpoints: int | None
    rate: float | None
    fail: float
    base_url: str
    control_url: str | None

    @property
    def accepts(self) -> str:
        return _WORDS.get(self.channel, _USUAL)[0]

    @property
    def tells(self) -> str:
        return _WORDS.get(self.channel, _USUAL)[1]


_USUAL = ("orders", "people")
_WORDS: Mapping[str, tuple[str, str]] = {
    ChannelName.WEBHOOK: ("webhooks", "webhooks"),
    ChannelName.PUSH: ("pushes", "pushes"),
}
"""What is accepted, and who is told; on other channels than WeChat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepting:
    """count: orders, or webhooks. promised: how many are to be told.

    seconds: from the first one handed in to the last one accepted, the generator's clock.
    held_up: why the broker did not take some at once; "" where it did.
    """

    count: int
    promised: int
    seconds: float
    ids_file: Path
    held_up: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Figures of one run.

    states: the notifications' rows. verdict: None where no sandbox could be asked.
    refusals: the receiver's answers other than success, by code, of everybody during the run.
    distribution: attempts of each tier by their lateness, see lateness.EDGES_MS.
    settings: that matter for the figures, as this shell has them.
    wall_s: from the first accepted to the last recorded, the database's clock; None if nothing was.
    """

    run: str
    asked: Asked
    machine: Machine
    accepting: Accepting
    settled_in_time: bool
    states: Mapping[State, int]
    wall_s: float | None
    verdict: Verdict | None
    refusals: Mapping[str, int]
    attempted: Mapping[int, Spread]
    received: Mapping[int, Spread]
    distribution: Mapping[int, Sequence[int]] = field(default_factory=dict)
    course: Course | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def recorded(self) -> int:
        """Notifications that came to an end."""
        return sum(self.states.get(state, 0) for state in TERMINAL)

    @property
    def unsettled(self) -> int:
        return sum(self.states.values()) - self.recorded

    @property
    def per_s(self) -> float | None:
        return self.recorded / self.wall_s if self.wall_s else None

    @property
    def is_clean(self) -> bool:
        """Nothing lost, doubled or unsettled; without a sandbox to ask, all recorded as sent."""
        if not self.settled_in_time or self.unsettled:
            return False
        if self.verdict is None:
            return self.states.get(State.SENT, 0) == self.accepting.promised
        return self.verdict.is_clean


def document_of(report: Report) -> dict[str, Any]:
    """For JSON. Times in seconds, lateness in ms; lost, doubled: null without a sandbox to ask."""
    return {
        "run": report.run,
        "clean": report.is_clean,
        **asdict(report.asked),
        "machine": asdict(report.machine),
        "accepted_ids": str(report.accepting.ids_file),
        "accepted": report.accepting.count,
        "accepting_s": round(report.accepting.seconds, 3),
        "sent": report.states.get(State.SENT, 0),
        "dead": report.states.get(State.DEAD, 0),
        "states": {state.value: count for state, count in sorted(report.states.items())},
        "unsettled": report.unsettled,
        **_judged(report.verdict),
        "refusals": dict(report.refusals),
        "held_up": report.accepting.held_up,
        "wall_s": report.wall_s,
        "notifications_per_s": report.per_s and round(report.per_s, 1),
        "over_time": report.course and asdict(report.course),
        "settings": dict(report.settings),
        "lateness_ms": {
            "by_attempt_rows": _listed(report.attempted),
            "as_received": _listed(report.received),
            "distribution": {
                "edges": EDGES_MS,
                **{str(tier): counts for tier, counts in report.distribution.items()},
            },
        },
    }


def _judged(verdict: Verdict | None) -> dict[str, Any]:
    return {
        "told": verdict and verdict.told,
        "lost": verdict and len(verdict.lost),
        "doubled": verdict and len(verdict.doubled),
        "unpromised": verdict and len(verdict.unpromised),
        "repeated_calls": verdict and verdict.repeated_calls,
        "named": {kind: names[: 100 * NAMED] for kind, names in named(verdict)},
    }


def lines_of(report: Report) -> Iterator[str]:
    states, asked = report.states, report.asked
    pace = f"{asked.rate:g} {asked.accepts}/s" if asked.rate else "as fast as accepted"
    to = "" if asked.endpoints is None else f" to {asked.endpoints} endpoints"
    yield (
        f"load test {report.run}: {asked.count} {asked.accepts}{to}, {pace}, "
        f"{asked.fail:.0%} refused"
    )
    yield f"  on {report.machine.line}"
    accepting = report.accepting
    yield f"accepted   {accepting.count} {asked.accepts} in {accepting.seconds:.2f} s"
    yield f"           their ids: {accepting.ids_file}"
    if accepting.held_up:
        yield f"           some had to wait for the sweeper: {accepting.held_up}"
    others = [f"{states[s]} {s.value}" for s in sorted(states) if s not in (State.SENT, State.DEAD)]
    dead = states.get(State.DEAD, 0)
    yield ", ".join(
        [f"sent       {states.get(State.SENT, 0)} notifications", f"{dead} dead", *others]
    )
    yield from _verdict_lines(report)
    yield from _throughput_lines(report)
    yield from _table("by attempt rows: start - due_at, database's clock", report.attempted)
    yield from _table("as received: receiver's first byte - due_at, one host", report.received)
    if not report.settled_in_time:
        yield f"NOT SETTLED: {report.unsettled} notifications had not come to an end in time"
    yield "result     clean" if report.is_clean else "result     NOT CLEAN"


def _verdict_lines(report: Report) -> Iterator[str]:
    verdict = report.verdict
    if verdict is None:
        yield "lost       not known: no sandbox to ask (--control-url)"
        return
    promised, tells = report.accepting.promised, report.asked.tells
    yield f"told       {verdict.told} of {promised} {tells}, by the sandbox's effects on disk"
    yield f"lost       {len(verdict.lost)}"
    yield f"doubled    {len(verdict.doubled)}"
    if verdict.unpromised:
        yield f"unpromised {len(verdict.unpromised)}: told, but not accepted"
    for kind, names in named(verdict):
        for name in names[:NAMED]:
            yield f"           {kind} {name}"
        if len(names) > NAMED:
            yield f"           and {len(names) - NAMED} more {kind}; --json names them"
    if report.refusals:
        listed = ", ".join(f"{code}: {times}" for code, times in sorted(report.refusals.items()))
        yield f"refusals   {listed}"


def _throughput_lines(report: Report) -> Iterator[str]:
    if report.per_s is None or report.wall_s is None:
        yield "throughput not known: nothing was recorded"
        return
    yield (
        f"throughput {report.per_s:.0f} notifications/s: {report.recorded} from the first accepted "
        f"to the last recorded in {report.wall_s:.2f} s, database's times"
    )


def _table(title: str, spreads: Mapping[int, Spread]) -> Iterator[str]:
    if not spreads:
        return
    yield f"lateness   ms, {title}"
    yield f"           {'tier':>6} {'count':>8} {'p50':>9} {'p95':>9} {'p99':>9} {'max':>9}"
    for tier, each in spreads.items():
        figures = " ".join(f"{value:>9.1f}" for value in (each.p50, each.p95, each.p99, each.max))
        yield f"           {f'{tier} s':>6} {each.count:>8} {figures}"


def named(verdict: Verdict | None) -> list[tuple[str, tuple[str, ...]]]:
    if verdict is None:
        return []
    return [
        ("lost", verdict.lost),
        ("doubled", verdict.doubled),
        ("unpromised", verdict.unpromised),
    ]


def _listed(spreads: Mapping[int, Spread]) -> dict[str, dict[str, float]]:
    return {
        str(tier): {name: round(value, 3) for name, value in asdict(each).items()}
        for tier, each in spreads.items()
    }
