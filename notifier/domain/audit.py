"""What an audit reports: which row breaks which rule, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One notification that breaks one check."""

    check: str
    notification_id: UUID
    order_no: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """notifications: by state. dispatched: orders claimed for a designer by us."""

    notifications: Mapping[str, int]
    attempts: int
    dispatched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """checks: the names of all that were made. skipped: what could not be looked at, and why."""

    checks: Sequence[str]
    findings: Sequence[Finding]
    totals: Totals
    skipped: Sequence[str] = field(default=())

    @property
    def is_clean(self) -> bool:
        return not self.findings
