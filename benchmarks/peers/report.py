"""The table, and the same for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.peers.verdict import Check, Score, best_peer, checks_of, counts

HEAD = ("", "orders/s", "rounds", "x best peer", "lost", "doubled", "early", "workers")


def table(scores: Mapping[str, Score]) -> str:
    """Markdown, the slowest first."""
    peer = best_peer(scores)
    rows = [HEAD, ("---",) * len(HEAD)]
    for name, score in sorted(scores.items(), key=lambda item: item[1].per_s):
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
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "| "
        + " | ".join(_cell(cell, width) for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in rows
    )


def _cell(text: str, width: int) -> str:
    return "-" * width if text == "---" else text.ljust(width)


def verdict(checks: Sequence[Check]) -> str:
    lines = [_line(check) for check in checks]
    if not counts(checks):
        lines.append("the floor is none: this run does not count")
    return "\n".join(lines)


def _line(check: Check) -> str:
    if check.found is None:
        return f"{check.text}: not measured, at least {check.least:g}"
    word = "met" if check.is_met else "MISSED"
    return f"{check.text}: {check.found:,.2f}, at least {check.least:,g}: {word}"


def document_of(
    scores: Mapping[str, Score], *, job: str, machine: str, versions: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "job": job,
        "machine": machine,
        "versions": dict(versions),
        "contestants": {
            name: {
                "per_s": round(score.per_s, 1),
                "rounds": [round(rate, 1) for rate in score.rates],
                "lost": score.lost,
                "doubled": score.doubled,
                "early": score.early,
                "workers": score.label,
            }
            for name, score in scores.items()
        },
        "checks": [
            {"what": each.text, "least": each.least, "found": each.found, "met": each.is_met}
            for each in checks_of(scores, job=job)
        ],
    }
