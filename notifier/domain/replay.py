"""Whether what ended may be told again, decided from its locked row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from notifier.domain.notification import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The part of a row that decides. recipient: with today's address, "" where there is none."""

    state: State
    recipient: str
    deadline_at: datetime | None


def refusal(row: Ended, *, force: bool, now: datetime) -> str:
    """Why it is not told again, for the person who asked; "" where it is.

    force: the person takes it upon himself that somebody may be told twice, or late.
    now: the database's time.
    """
    if row.state not in (State.DEAD, State.UNKNOWN):
        return f"is {row.state}; only dead and unknown ones are replayed"
    if not row.recipient:
        return "has no address, and the order table still has none; fill it in, then replay"
    if force:
        return ""
    if row.state is State.UNKNOWN:
        return "may have told already; `notifier resolve`, or replay --force tells again"
    if row.deadline_at is not None and row.deadline_at < now:
        return f"was not to be told after {row.deadline_at:%Y-%m-%d %H:%M:%S} UTC; or --force"
    return ""
