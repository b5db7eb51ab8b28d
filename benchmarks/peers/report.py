"""Tables, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.peers.cost import Cost
from benchmarks.peers.verdict import Check, Score, best_peer, counts

HEAD = ("", "orders/s", "rounds", "x best peer", "lost", "doubled", "early", "workers")
COST_HEAD = ("us of processor time", "its own", "rabbitmq", "mariadb", "sink", "all", "its own are")
SMALLEST_SHARE = 0.01
"""Of its own time; processes that take less are shown together."""


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Markdown. rows: the head first."""
    head, *lines = rows
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    drawn = [head, ["-" * width for width in widths], *lines]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in drawn
    )


def table(scores: Mapping[str, Score]) -> str:
    """The slowest first."""
    peer = best_peer(scores)
    rows: list[tuple[str, ...]] = [HEAD]
    for name, score in _slowest_first(scores):
        rows.append(
            (
                name,
                f"{score.per_s:,.0f}",
                ", ".join(f"{rate:,.0f}" for rate in score.rates),
                f"{score.per_s / scores[peer].per_s:.2f}" if peer and scores[peer].per_s else "",
                str(score.lost),
                str(score.doubled),
                str(score.early),
                score.label,
            )
        )
    return grid(rows)


def beyond_delays(scores: Mapping[str, Score], *, orders: int, delays_s: float) -> str:
    """What the work took: the fastest cannot be faster than the delays that were asked for."""
    took = ", ".join(
        f"{name} {orders / score.per_s - delays_s:,.1f} s"
        for name, score in _slowest_first(scores)
        if score.per_s
    )
    return f"The delays alone take {delays_s:g} s; beyond them: {took}"


def cost_table(scores: Mapping[str, Score]) -> str:
    """Per notification; "" where no round was long enough to tell."""
    rows: list[tuple[str, ...]] = [COST_HEAD]
    for name, score in _slowest_first(scores):
        if (cost := score.cost) is not None:
            servers = (f"{cost.servers.get(server, 0):,.0f}" for server in COST_HEAD[2:5])
            rows.append(
                (name, f"{cost.own_us:,.0f}", *servers, f"{cost.all_us:,.0f}", _of_own(cost))
            )
    return grid(rows) if len(rows) > 1 else ""


def _of_own(cost: Cost) -> str:
    large = {
        name: us for name, us in cost.own.items() if us >= SMALLEST_SHARE * max(cost.own_us, 1)
    }
    shown = [f"{name} {us:,.0f}" for name, us in sorted(large.items(), key=lambda item: -item[1])]
    others = len(cost.own) - len(large)
    rest = [f"{others} more {cost.own_us - sum(large.values()):,.0f}"] if others else []
    return ", ".join([*shown, *rest])


def _slowest_first(scores: Mapping[str, Score]) -> list[tuple[str, Score]]:
    return sorted(scores.items(), key=lambda item: item[1].per_s)


def verdict(checks: Sequence[Check]) -> str:
    lines = [_line(check) for check in checks]
    if not counts(checks):
        lines.append("the floor is none: this run does not count")
    return "\n".join(lines)


def _line(check: Check) -> str:
    wanted = f"at least {check.least:,g}" if check.most is None else f"at most {check.most:,g}"
    if check.found is None:
        return f"{check.text}: not measured, {wanted}"
    word = "met" if check.is_met else "MISSED"
    return f"{check.text}: {check.found:,.2f}, {wanted}: {word}"


def figures_of(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {"contestants": {name: _figures(score) for name, score in scores.items()}}


def _figures(score: Score) -> dict[str, Any]:
    cost = score.cost
    return {
        "per_s": round(score.per_s, 1),
        "rounds": [round(rate, 1) for rate in score.rates],
        "lost": score.lost,
        "doubled": score.doubled,
        "early": score.early,
        "workers": score.label,
        "cpu_us": cost and {"own": _rounded(cost.own), "servers": _rounded(cost.servers)},
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in values.items()}
