"""How endpoints, and their answers to a test, are printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import typer

from notifier.cli.timeline import quoted
from notifier.domain.endpoint import EndpointStanding
from notifier.domain.explanation import why_held
from notifier.domain.outcome import Outcome, Sent


def print_added(name: str, secret: str | None, *, as_json: bool) -> None:
    """secret: None where the person knows it already."""
    if as_json:
        _print({"name": name} | ({"secret": secret} if secret else {}))
        return
    typer.echo(
        f"endpoint {name}: send to it as `endpoint:{name}`, try it with "
        f"`notifier endpoint test {name}`"
    )
    if secret:
        typer.echo(f"its secret, shown this once: {secret}")


def print_list(standings: Sequence[EndpointStanding], *, as_json: bool) -> None:
    if as_json:
        _print([_document(standing) for standing in standings])
        return
    if not standings:
        typer.echo("no endpoint; `notifier endpoint add NAME URL` registers one")
        return
    width = max(len(standing.form.name) for standing in standings)
    for standing in standings:
        form = standing.form
        typer.echo(f"{form.name:{width}}  {form.dialect:12}  {form.url}  {_health(standing)}")


def print_one(standing: EndpointStanding, *, as_json: bool) -> None:
    if as_json:
        _print(_document(standing))
        return
    form = standing.form
    old = standing.old_secret_until
    lines = {
        "name": form.name,
        "url": form.url,
        "dialect": form.dialect.value,
        "ladder": form.ladder or "default",
        "rate": "no limit" if form.rate_per_s is None else f"{form.rate_per_s:g}/s",
        "timeout": "the settings'"
        if form.timeout is None
        else f"{form.timeout.total_seconds():g} s",
        "http": "allowed" if form.http else "no",
        "added": _moment(standing.created_at),
        "secret": "one" if old is None else f"two; the one before signs until {_moment(old)}",
        "health": _health(standing),
    }
    if standing.held:
        lines["held"] = f"{standing.held} notifications; {why_held(standing.held_reason)}"
    for word, text in lines.items():
        typer.echo(f"{word:8} {text}")


def print_outcome(outcome: Outcome, *, as_json: bool) -> bool:
    """Whether it was heard."""
    is_heard, answer = isinstance(outcome, Sent), outcome.answer
    if as_json:
        said = None if answer is None else asdict(answer)
        _print({"heard": is_heard, "code": outcome.code, "detail": outcome.detail, "answer": said})
        return is_heard
    if answer is not None:
        latency_ms = answer.latency / timedelta(milliseconds=1)
        typer.echo(f"answered {answer.status} after {latency_ms:.1f} ms: {quoted(answer.body)}")
    typer.echo("heard" if is_heard else f"not heard: {outcome.code} {outcome.detail}".rstrip())
    return is_heard


def _health(standing: EndpointStanding) -> str:
    if standing.pause_reason:
        until = standing.paused_until
        end = "until it is resumed" if until is None else f"until {_moment(until)}"
        return f"paused {end} by {standing.paused_by}: {standing.pause_reason}"
    if standing.failing_since is not None:
        return f"failing since {_moment(standing.failing_since)}"
    return "ok"


def _document(standing: EndpointStanding) -> dict[str, Any]:
    flat = asdict(standing)
    form = flat.pop("form")
    return {**form, **flat, "health": _health(standing)}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _print(document: object) -> None:
    typer.echo(orjson.dumps(document, default=_plain, option=orjson.OPT_INDENT_2).decode())


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
