"""The tables as bars: one SVG that needs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.peers.contestants import FLOOR, NOTIFIER

WIDTH, LINE, NAME, NUMBER, GAP = 760, 30, 130, 190, 26
COLOURS = {NOTIFIER: "#1a7f5a", FLOOR: "#9aa3ab"}
PEER = "#4a78b5"
PARTS = ("#1a7f5a", "#e08e2b", "#4a78b5", "#c2556b", "#9aa3ab")
INK, QUIET = "#1f2328", "#59636e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """parts: what it is made of, by name, the same ones for all bars of a panel."""

    name: str
    text: str
    parts: Mapping[str, float]

    @property
    def value(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Bars of one unit, drawn in their order. note: what is wanted, below the title.

    of: whose all bars are; "" where each is named like its own.
    """

    title: str
    bars: Sequence[Bar]
    note: str = ""
    of: str = ""


def bar(name: str, value: float, text: str) -> Bar:
    return Bar(name=name, text=text, parts={"": value})


def rates(title: str, per_s: Mapping[str, float], *, note: str = "") -> Panel:
    """By name; the slowest first."""
    ordered = sorted(per_s.items(), key=lambda item: item[1])
    bars = [bar(name, rate, f"{rate:,.0f}/s") for name, rate in ordered]
    return Panel(title=title, bars=bars, note=note)


def svg(panels: Sequence[Panel], *, title: str) -> str:
    """title: for who cannot see it."""
    parts: list[str] = []
    top = 0
    for panel in panels:
        parts += _panel(panel, top)
        top += _height(panel)
    frame = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 10}" '
        f'font-family="sans-serif" font-size="13" role="img" aria-label="{_attribute(title)}">'
    )
    paper = f'<rect width="{WIDTH}" height="{top + 10}" fill="#ffffff"/>'
    return "\n".join([frame, paper, *parts, "</svg>", ""])


def _height(panel: Panel) -> int:
    legend = LINE if _legend_of(panel) else 0
    return GAP + 12 + (18 if panel.note else 0) + legend + LINE * len(panel.bars)


def _panel(panel: Panel, top: int) -> list[str]:
    legend = _legend_of(panel)
    y = top + GAP
    parts = [
        f'<text x="10" y="{y}" font-weight="bold" font-size="15" fill="{INK}">'
        f"{escape(panel.title)}</text>"
    ]
    if panel.note:
        y += 18
        parts.append(f'<text x="10" y="{y}" fill="{QUIET}">{escape(panel.note)}</text>')
    if legend:
        parts += _legend(legend, y + 20)
        y += LINE - 4
    most = max((each.value for each in panel.bars), default=0.0) or 1.0
    for place, each in enumerate(panel.bars):
        colours = [*PARTS[: len(legend)]] or [COLOURS.get(panel.of or each.name, PEER)]
        parts += _bar(each, y + 10 + place * LINE, most, colours)
    return parts


def _bar(each: Bar, top: int, most: float, colours: Sequence[str]) -> list[str]:
    parts = [
        f'<text x="{NAME - 10}" y="{top + 16}" text-anchor="end" fill="{INK}">'
        f"{escape(each.name)}</text>"
    ]
    x = float(NAME)
    for value, colour in zip(each.parts.values(), colours, strict=False):
        length = (WIDTH - NAME - NUMBER) * value / most
        parts.append(
            f'<rect x="{x:.1f}" y="{top}" width="{length:.1f}" height="{LINE - 8}" '
            f'fill="{colour}"/>'
        )
        x += length
    parts.append(f'<text x="{x + 8:.1f}" y="{top + 16}" fill="{INK}">{escape(each.text)}</text>')
    return parts


def _legend_of(panel: Panel) -> list[str]:
    return list({name: None for each in panel.bars for name in each.parts if name})


def _legend(names: Sequence[str], y: int) -> list[str]:
    parts = []
    step = (WIDTH - NAME) // max(len(names), 1)
    for place, name in enumerate(names):
        x = NAME + place * min(step, 120)
        parts.append(
            f'<rect x="{x}" y="{y - 10}" width="11" height="11" fill="{PARTS[place]}"/>'
            f'<text x="{x + 16}" y="{y}" fill="{QUIET}">{escape(name)}</text>'
        )
    return parts


def _attribute(text: str) -> str:
    return escape(text, {'"': "&quot;"})
