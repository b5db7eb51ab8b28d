"""How an audit is printed."""

from __future__ import annotations

from dataclasses import asdict

import orjson
import typer

from notifier.domain.audit import Audit


def document_of(audit: Audit) -> str:
    """JSON: clean, checks, findings, totals, skipped."""
    document = {"clean": audit.is_clean, **asdict(audit)}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def print_audit(audit: Audit) -> None:
    """A line for each row that breaks a check, then the totals."""
    check = ""
    for finding in sorted(audit.findings, key=lambda item: item.check):
        if finding.check != check:
            check = finding.check
            typer.echo(f"{check}: expected {finding.expected}")
        name = f"{finding.notification_id} {finding.order_no}".strip()
        typer.echo(f"  {name}: {finding.found}")
    for reason in audit.skipped:
        typer.echo(f"not checked: {reason}")
    typer.echo(_totals(audit))
    typer.echo(_verdict(audit))


def _totals(audit: Audit) -> str:
    by_state = audit.totals.notifications
    states = ", ".join(f"{count} {state}" for state, count in sorted(by_state.items()))
    return (
        f"{sum(by_state.values())} notifications{f' ({states})' if states else ''}, "
        f"{audit.totals.attempts} attempts, {audit.totals.dispatched} orders dispatched"
    )


def _verdict(audit: Audit) -> str:
    if audit.is_clean:
        return f"clean: all {len(audit.checks)} checks hold"
    rows = len({finding.notification_id for finding in audit.findings})
    return f"broken: {len(audit.findings)} findings on {rows} notifications"
