"""How the timeline of an order or a notification is printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, tzinfo
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from notifier.dispatch.explain import Explained
from notifier.domain.explanation import who
from notifier.domain.notification import State
from notifier.domain.timeline import Made, Rescheduled, Standing, masked

STYLES = {
    State.SENT: "green",
    State.DEAD: "red",
    State.UNKNOWN: "yellow",
    State.CANCELLED: "magenta",
}
WIDTH = 100
"""Where no terminal has one."""
INDENT = 11
SHOWN_BODY = 160
"""Characters of a receiver's answer; `--json` has all that is kept."""


def print_timelines(explained: Sequence[Explained], time_zone: tzinfo) -> None:
    """One block for each notification, oldest first; plain text where stdout is no terminal."""
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = WIDTH
    first = explained[0].timeline.standing
    if first.order_no:
        console.print(f"order {first.order_no}", markup=False, style="bold")
    for item in explained:
        console.print()
        _print(console, item, time_zone)


def document_of(explained: Sequence[Explained], time_zone: tzinfo) -> str:
    """A JSON list: each notification's row, state and reason in words, attempts, what is next."""
    return orjson.dumps(
        [_document(item) for item in explained],
        default=lambda value: _plain(value, time_zone),
        option=orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATETIME,
    ).decode()


def _print(console: Console, item: Explained, time_zone: tzinfo) -> None:
    standing = item.timeline.standing
    clock = _Clock(standing.accepted_at, time_zone)
    console.print(_headline(item))
    console.print(f"  id {standing.id}", markup=False, style="dim")
    console.print(f"  {_moments(standing, clock)}", markup=False, style="dim")
    for change in item.timeline.rescheduled:
        console.print(f"  {_change(change, clock)}", markup=False, style="dim")
    if item.timeline.attempts:
        for line in _attempts(console, item, clock):
            console.print(line)
    else:
        console.print("  no attempt yet" if standing.settled_at is None else "  no attempt")
    at = item.explanation.next_at
    when = f" at {clock.time(at)}{_away(at, standing)}" if at else ""
    console.print(f"  next: {item.explanation.next}{when}", markup=False)


def _headline(item: Explained) -> Text:
    standing, words = item.timeline.standing, item.explanation
    text = Text()
    text.append(str(standing.role), style="bold")
    for part in (who(standing), standing.channel, masked(standing.recipient) or "no address"):
        if part:
            text.append(f"  {part}")
    text.append("  ")
    text.append(str(standing.state), style=STYLES.get(standing.state, "cyan"))
    text.append(f": {words.state}")
    if words.reason:
        text.append(f" ({words.reason})")
    return text


def _moments(standing: Standing, clock: _Clock) -> str:
    parts = [f"accepted {clock.day()} {clock.time(standing.accepted_at)}"]
    if standing.dispatched_at and standing.designer_id is not None:
        parts.append(f"dispatched {clock.time(standing.dispatched_at)}")
    if standing.settled_at:
        parts.append(f"ended {clock.time(standing.settled_at)}")
    return "  ".join(parts)


def _change(change: Rescheduled, clock: _Clock) -> str:
    why = f": {_printable(change.why)}" if change.why else ""
    return (
        f"rescheduled {clock.time(change.changed_at)} by {_printable(change.who)}, "
        f"from {clock.time(change.from_at)} to {clock.time(change.to_at)}{why}"
    )


def _attempts(console: Console, item: Explained, clock: _Clock) -> Iterator[Text]:
    """A line of figures for each, and below it the words, which may be long."""
    width = max(len(clock.time(made.due_at)) for made in item.timeline.attempts)
    yield Text(
        f"  #  tier  {'due':{width}}  {'started':{width}}  {'late':>9}  {'took':>9}  outcome",
        style="bold",
    )
    for made, why in zip(item.timeline.attempts, item.explanation.whys, strict=True):
        yield _figures(made, clock, width)
        for line in _words(made, why).wrap(console, console.width - INDENT):
            yield Text(" " * INDENT) + line


def _figures(made: Made, clock: _Clock, width: int) -> Text:
    text = Text(
        f"{made.number:3}  {made.tier:3}s  {clock.time(made.due_at):{width}}  "
        f"{clock.time(made.started_at):{width}}  {_milliseconds(made.lateness):>9}  "
        f"{_milliseconds(made.duration):>9}  "
    )
    text.append(made.outcome, style=STYLES[State.SENT] if made.outcome == "sent" else "")
    if made.code not in ("", "ok"):
        text.append(f" {_printable(made.code)}")
    return text


def _words(made: Made, why: str) -> Text:
    text = Text()
    text.append(why, style="dim")
    if made.detail:
        text.append(f"; {_printable(made.detail)}")
    if made.receipt is not None:
        text.append(f"; WeChat's receipt: {_printable(made.receipt.status)}")
    if made.answer is not None:
        latency = _milliseconds(made.answer.latency)
        text.append(f"; answered {made.answer.status} after {latency}: {quoted(made.answer.body)}")
    return text


def _printable(text: str) -> str:
    """A receiver's words move no cursor."""
    return "".join(each if each.isprintable() else " " for each in text)


def quoted(body: bytes) -> str:
    """The beginning of hostile bytes: in quotes, and what cannot be printed escaped."""
    if not body:
        return "no body"
    text = body.decode("utf-8", "backslashreplace")
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[:SHOWN_BODY])
    return f'"{shown}"' + ("…" if len(text) > SHOWN_BODY else "")


def _milliseconds(duration: timedelta) -> str:
    milliseconds = duration / timedelta(milliseconds=1)
    return (
        f"{milliseconds:.1f} ms" if abs(milliseconds) < 10_000 else f"{milliseconds / 1000:.1f} s"
    )


def _away(at: datetime, standing: Standing) -> str:
    left = (at - standing.now).total_seconds()
    return f" (in {left:.1f} s)" if left > 0 else ""


class _Clock:
    """Times of day in people's time zone, with the day where it is not the first one's."""

    def __init__(self, first: datetime, time_zone: tzinfo) -> None:
        self._time_zone = time_zone
        self._first = first.astimezone(time_zone).date()

    def day(self) -> str:
        return self._first.isoformat()

    def time(self, moment: datetime) -> str:
        local = moment.astimezone(self._time_zone)
        text = local.isoformat(sep=" ", timespec="milliseconds")[:23]
        return text.split()[1] if local.date() == self._first else text


def _document(item: Explained) -> dict[str, Any]:
    standing = asdict(item.timeline.standing)
    standing["recipient"] = masked(standing["recipient"])
    attempts = [
        {**asdict(made), "why": why}
        for made, why in zip(item.timeline.attempts, item.explanation.whys, strict=True)
    ]
    words = asdict(item.explanation)
    del words["whys"]
    return {
        "notification": standing,
        "in_words": words,
        "rescheduled": [asdict(change) for change in item.timeline.rescheduled],
        "attempts": attempts,
    }


def _plain(value: object, time_zone: tzinfo) -> object:
    if isinstance(value, datetime):
        return value.astimezone(time_zone).isoformat(timespec="microseconds")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
