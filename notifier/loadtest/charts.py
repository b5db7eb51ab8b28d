"""Columns as inline SVG, coloured by the page's own style sheet: classes name what they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 860, 58, 8, 8, 26
TICKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """series: values by class name, drawn on top of each other; all of one length.

    title: for who cannot see it. names: of the columns, shown on hovering. marks: what is written
    below the place of a column's left edge, or with centred below its middle.
    """

    title: str
    series: Mapping[str, Sequence[float]]
    names: Sequence[str]
    marks: Mapping[int, str]
    height: int = 220
    unit: str = ""
    centred: bool = False

    @property
    def count(self) -> int:
        return len(self.names)

    @property
    def most(self) -> float:
        return max((sum(values) for values in zip(*self.series.values(), strict=True)), default=0)


def svg(columns: Columns) -> str:
    top = _round_up(columns.most)
    parts = [*_scale(columns, top), *_drawn(columns, top), *_marks(columns)]
    return (
        f'<svg viewBox="0 0 {WIDTH} {columns.height}" role="img" '
        f'aria-label="{escape(columns.title)}">{"".join(parts)}</svg>'
    )


def figure(value: float) -> str:
    """A number for people: three digits, or all of them before the point."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if value >= 10 else f"{value:,.2f}".rstrip("0").rstrip(".")


def _scale(columns: Columns, top: float) -> Iterator[str]:
    for tick in range(TICKS + 1):
        y = _y(columns, top * tick / TICKS, top)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        text = escape(figure(top * tick / TICKS) + (columns.unit if tick else ""))
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'


def _drawn(columns: Columns, top: float) -> Iterator[str]:
    wide = _step(columns)
    gap = min(2.0, wide / 4)
    for place, name in enumerate(columns.names):
        below = 0.0
        for kind, values in columns.series.items():
            if not values[place]:
                continue
            upper = _y(columns, below + values[place], top)
            height = _y(columns, below, top) - upper
            below += values[place]
            yield (
                f'<rect class="{escape(kind)}" x="{LEFT + place * wide + gap / 2:.2f}" '
                f'y="{upper:.2f}" width="{wide - gap:.2f}" height="{max(height, 0.5):.2f}">'
                f"<title>{escape(name)}: {escape(kind)} {figure(values[place])}"
                f"{escape(columns.unit)}</title></rect>"
            )


def _marks(columns: Columns) -> Iterator[str]:
    wide, y = _step(columns), columns.height - 8
    for place, text in columns.marks.items():
        x = LEFT + (place + (0.5 if columns.centred else 0)) * wide
        yield f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{escape(text)}</text>'


def _step(columns: Columns) -> float:
    return (WIDTH - LEFT - RIGHT) / max(columns.count, 1)


def _y(columns: Columns, value: float, top: float) -> float:
    return columns.height - BOTTOM - (columns.height - BOTTOM - TOP) * value / top


def _round_up(value: float) -> float:
    """To a number that divides well into TICKS."""
    if value <= 0:
        return float(TICKS)
    unit: float = 10.0 ** floor(log10(value))
    return next(factor * unit for factor in (1, 2, 4, 6, 8, 10) if factor * unit >= value)
