"""The table as bars: one small SVG that needs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

from benchmarks.peers.contestants import FLOOR, NOTIFIER

WIDTH, LINE, NAME, NUMBER = 720, 34, 110, 90
COLOURS = {NOTIFIER: "#1a7f5a", FLOOR: "#9aa3ab"}
PEER = "#4a78b5"


def svg(rates: Mapping[str, float], *, title: str) -> str:
    """rates: per second, by name; drawn from the slowest to the fastest."""
    most = max(rates.values(), default=0.0) or 1.0
    height = LINE * (len(rates) + 1) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="14" role="img" aria-label="{_attribute(title)}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="22" font-weight="bold">{escape(title)}</text>',
    ]
    for place, (name, rate) in enumerate(sorted(rates.items(), key=lambda item: item[1]), 1):
        top = place * LINE + 4
        length = (WIDTH - NAME - NUMBER) * rate / most
        parts += [
            f'<text x="{NAME - 10}" y="{top + 18}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{NAME}" y="{top}" width="{length:.1f}" height="{LINE - 8}" '
            f'fill="{COLOURS.get(name, PEER)}"/>',
            f'<text x="{NAME + length + 8:.1f}" y="{top + 18}">{rate:,.0f}/s</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _attribute(text: str) -> str:
    return escape(text, {'"': "&quot;"})
