"""What came of one attempt. A channel answers with one of these; it never raises for a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.value import value


@value
class Answer:
    """What an HTTP receiver answered, kept with the attempt as proof.

    latency: from the request's start to the answer's end. body: its first 2 KiB, hostile bytes.
    """

    status: int
    latency: timedelta
    body: bytes = b""


@value
class Sent:
    """The receiver's side accepted it.

    external_id: the receiver's own number for it (WeChat's msgid), "" where there is none.
    """

    external_id: str = ""
    code: str = "ok"
    detail: str = ""
    answer: Answer | None = None


@value
class Retry:
    """Refused for now, and certainly without effect: the next step of the ladder.

    not_before: wait at least that long, whatever the ladder says.
    """

    code: str
    detail: str = ""
    not_before: timedelta = timedelta(0)
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Refused because of quota or configuration: the channel rests, the ladder is not burnt.

    resume_at: when to try again (UTC); None: a fixed while, set by whoever records it.
    scope: what rests, where it is less than the whole channel, as in `endpoint:shop`.
    """

    code: str
    detail: str = ""
    resume_at: datetime | None = None
    scope: str = ""
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permanent:
    """Refused for good: this notification is dead."""

    code: str
    detail: str = ""
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may have been accepted: the answer was lost. Repeated only while an id protects."""

    code: str
    detail: str = ""
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Not sent, on purpose: its turn comes after `wait`. No attempt is made, and nothing burnt.

    reason: a constant word, and behind a colon what else people want to know.
    is_exact: its turn is that very moment. Else it waits in the calendar, and comes up to a tick
    later: that costs the broker nothing, however many wait.
    """

    wait: timedelta
    reason: str = ""
    is_exact: bool = True


Outcome = Sent | Retry | Paused | Permanent | Unknown
