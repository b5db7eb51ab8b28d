"""What a job comes to: text for people, figures for programs, bars for the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.peers.picture import Panel
from benchmarks.peers.verdict import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """text: Markdown. is_clean: nothing was lost, doubled or early. seconds: that it all took."""

    job: str
    text: str
    checks: Sequence[Check]
    is_clean: bool
    figures: Mapping[str, Any]
    panels: Sequence[Panel]
    seconds: float = 0.0

    @property
    def is_met(self) -> bool:
        """What was not measured is not missed."""
        return self.is_clean and all(check.is_met is not False for check in self.checks)

    def after(self, seconds: float) -> Result:
        return replace(self, seconds=seconds)


def failed(job: str, why: str) -> Result:
    """One that did not come to its end."""
    text = f"not measured: {why}"
    return Result(job=job, text=text, checks=(), is_clean=False, figures={}, panels=())


def document_of(
    results: Sequence[Result], *, machine: str, versions: Mapping[str, str]
) -> dict[str, Any]:
    """For JSON."""
    return {
        "machine": machine,
        "versions": dict(versions),
        "jobs": {
            result.job: {
                "seconds": round(result.seconds, 1),
                "clean": result.is_clean,
                **result.figures,
                "checks": [_check(each) for each in result.checks],
            }
            for result in results
        },
    }


def _check(check: Check) -> dict[str, Any]:
    bounds = {"least": check.least, "most": check.most}
    wanted = {name: value for name, value in bounds.items() if value is not None}
    return {"what": check.text, **wanted, "found": check.found, "met": check.is_met}
