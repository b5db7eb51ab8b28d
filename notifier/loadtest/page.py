"""The report as one page that needs nothing else: no script, no address, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import chain

from notifier import __version__
from notifier.domain.notification import State
from notifier.loadtest import charts
from notifier.loadtest.charts import Columns, figure
from notifier.loadtest.course import Course
from notifier.loadtest.lateness import EDGES_MS, Spread
from notifier.loadtest.report import NAMED, Report, named

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --paper: #fff; --line: #d9dee3;
  --told: #23795a; --refused: #cf7a1d; --accepted: #3a6db0; --attempts: #3a6db0; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --quiet: #9aa4ae; --paper: #14181c;
  --line: #333b43; --told: #4fb58d; --refused: #e69a48; --accepted: #74a5e4; --attempts: #74a5e4;
  --bad: #ff8a80; } }
body { margin: 2rem auto; max-width: 58rem; padding: 0 1rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2.2rem 0 .4rem; }
h3 { font-size: .95rem; margin: 1.2rem 0 .2rem; font-weight: 600; }
p { margin: .2rem 0; } .quiet { color: var(--quiet); }
.verdict { display: inline-block; margin: .8rem 0; padding: .25rem .8rem; border-radius: .4rem;
  color: var(--paper); background: var(--told); font-weight: 600; }
.verdict.bad { background: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .6rem; }
.tiles div { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .7rem; }
.tiles b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.bad b { color: var(--bad); }
svg { width: 100%; height: auto; display: block; } svg text { font-size: 11px; fill: var(--quiet); }
.grid { stroke: var(--line); stroke-width: 1; fill: none; }
.told { fill: var(--told); } .refused { fill: var(--refused); }
.accepted { fill: var(--accepted); } .attempts { fill: var(--attempts); }
.key::before { content: ""; display: inline-block; width: .7rem; height: .7rem; margin: 0 .35rem;
  border-radius: .15rem; background: var(--of); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { text-align: right; padding: .15rem .5rem; border-bottom: 1px solid var(--line); }
td:first-child, th:first-child { text-align: left; } th { color: var(--quiet); font-weight: 500; }
.left td { text-align: left; overflow-wrap: anywhere; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page_of(report: Report) -> str:
    """HTML. Whatever came from outside is escaped."""
    title = f"notifier load test {escape(report.run)}"
    parts = (_head(report), _course(report.course), _lateness(report), _names(report))
    body = "\n".join(chain(*parts, _circumstances(report)))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


def _head(report: Report) -> Iterator[str]:
    asked, verdict = report.asked, report.verdict
    pace = f"{asked.rate:g} a second" if asked.rate else "as fast as accepted"
    to = "" if asked.endpoints is None else f" to {asked.endpoints} endpoints"
    yield (
        f'<p class="quiet">{asked.count:,} {escape(asked.accepts)}{to} by {escape(asked.channel)}, '
        f"{pace}, {asked.fail:.0%} refused at first</p>"
    )
    good = '<p class="verdict">clean: everybody was told, once</p>'
    yield good if report.is_clean else f'<p class="verdict bad">NOT CLEAN{_why(report)}</p>'
    unknown = "not known"
    tiles = [
        (f"{report.accepting.count:,}", f"{asked.accepts} accepted", False),
        (f"{verdict.told:,}" if verdict else unknown, f"{asked.tells} told", False),
        (f"{len(verdict.lost):,}" if verdict else unknown, "lost", bool(verdict and verdict.lost)),
        (
            f"{len(verdict.doubled):,}" if verdict else unknown,
            "doubled",
            bool(verdict and verdict.doubled),
        ),
        (f"{report.states.get(State.DEAD, 0):,}", "given up", State.DEAD in report.states),
        (figure(report.per_s) if report.per_s else unknown, "notifications a second", False),
    ]
    yield '<div class="tiles">'
    for number, name, is_bad in tiles:
        bad = ' class="bad"' if is_bad else ""
        yield f"<div{bad}><b>{escape(number)}</b>{escape(name)}</div>"
    yield "</div>"


def _why(report: Report) -> str:
    return (
        "" if report.settled_in_time else f": {report.unsettled:,} had not come to an end in time"
    )


def _course(course: Course | None) -> Iterator[str]:
    if course is None:
        return
    yield "<h2>Throughput over time</h2>"
    yield f'<p class="quiet">attempts a second:{_key("told")}{_key("refused")}</p>'
    yield charts.svg(_over_time(course, {"told": course.told, "refused": course.refused}, 220))
    yield f'<p class="quiet">accepted a second:{_key("accepted")}</p>'
    yield charts.svg(_over_time(course, {"accepted": course.accepted}, 120))
    yield '<p class="quiet">seconds from the first one accepted, by the database\'s clock</p>'


def _key(name: str) -> str:
    return f' <span class="key" style="--of: var(--{name})">{name}</span>'


def _over_time(course: Course, counts: Mapping[str, Sequence[int]], height: int) -> Columns:
    steps = range(len(course.told))
    every = max(1, round(len(steps) / 8))
    starts = [figure(round(step * course.step_s, 1)) for step in steps]
    return Columns(
        title=f"{' and '.join(counts)} a second, over time",
        series={name: [count / course.step_s for count in each] for name, each in counts.items()},
        names=[f"from {start} s" for start in starts],
        marks={step: f"{starts[step]} s" for step in steps if step % every == 0},
        height=height,
        unit="/s",
    )


def _lateness(report: Report) -> Iterator[str]:
    if not report.attempted:
        return
    yield "<h2>Lateness by tier</h2>"
    yield '<p class="quiet">attempts by how long after due_at they began</p>'
    for tier, counts in report.distribution.items():
        yield f"<h3>tier {tier} s</h3>"
        yield charts.svg(_distribution(tier, counts))
    yield from _spreads("as recorded: start − due_at, the database's clock", report.attempted)
    yield from _spreads("as received: the receiver's first byte − due_at", report.received)


def _distribution(tier: int, counts: Sequence[int]) -> Columns:
    edges = [f"{edge} ms" if edge < 1000 else f"{edge // 1000} s" for edge in EDGES_MS]
    names = [*(f"≤ {edge}" for edge in edges), f"> {edges[-1]}"]
    return Columns(
        title=f"attempts of tier {tier} s by lateness",
        series={"attempts": counts},
        names=names,
        marks=dict(enumerate(names)),
        height=150,
        centred=True,
    )


def _spreads(title: str, spreads: Mapping[int, Spread]) -> Iterator[str]:
    if not spreads:
        return
    yield f"<h3>ms, {escape(title)}</h3>"
    yield "<table><tr>" + "".join(f"<th>{name}</th>" for name in _SPREAD_HEAD) + "</tr>"
    for tier, each in spreads.items():
        figures = (each.p50, each.p95, each.p99, each.max)
        cells = [f"{tier} s", f"{each.count:,}", *(f"{value:,.1f}" for value in figures)]
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</table>"


_SPREAD_HEAD = ("tier", "attempts", "p50", "p95", "p99", "max")


def _names(report: Report) -> Iterator[str]:
    """Who was lost or told twice, as far as a page should go."""
    for kind, names in named(report.verdict):
        if names:
            yield f"<h2>{kind}: {len(names):,}</h2>"
            yield "<p>" + "<br>".join(escape(name) for name in names[: 10 * NAMED]) + "</p>"


def _circumstances(report: Report) -> Iterator[str]:
    asked, accepting = report.asked, report.accepting
    rows = {
        "notifier": __version__,
        "machine": report.machine.line,
        "accepted in": f"{accepting.seconds:.2f} s",
        "all recorded after": "" if report.wall_s is None else f"{report.wall_s:.2f} s",
        "states": _listed({state.value: count for state, count in report.states.items()}),
        "refusals": _listed(report.refusals),
        "waited for the sweeper": accepting.held_up,
        "WeChat": asked.base_url if asked.endpoints is None else "",
        "sandbox": asked.control_url or "",
        **report.settings,
    }
    yield "<h2>Machine and settings</h2>"
    yield '<table class="left">'
    for name, value in rows.items():
        if value:
            yield f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>"
    yield "</table>"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items()))
