"""Why a notification is where it is, in words: from its recorded history and its ladder alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.ladder import Ladder
from notifier.domain.notification import Role, State
from notifier.domain.pause import title_of
from notifier.domain.receipt import BLOCKED, UNDELIVERED
from notifier.domain.timeline import Made, Standing, Timeline

NEAR = timedelta(milliseconds=100)
"""A due time that is this near to a step's end came from the step."""

STATES = {
    State.SCHEDULED: "waits in the calendar",
    State.WAITING: "waits in the broker",
    State.IN_FLIGHT: "an attempt is under way",
    State.SENT: "told",
    State.DEAD: "given up",
    State.CANCELLED: "cancelled, not told",
    State.UNKNOWN: "perhaps told; a person must decide",
}
REASONS = {
    "no_publisher_address": "the order table has no address of the publisher",
    "expired": "its deadline had passed",
    "crash_loop": "three processes in a row died during its attempt",
    "unprotected": "an earlier attempt may have told, and its id protects against doubling no more",
    "taken_by_another": "the order belongs to another designer",
    "order_reopened": "the order was given back and is open again",
    "already_dispatched": "the order was already dispatched to this designer",
    "order_designed": "the order is designed already",
    "order_finished": "the order is finished already",
    "order_cancelled": "the order was cancelled",
    "order_rejected": "the order was rejected",
}
NOT_RECEIVED = "accepted, and not received"
UNHEARD = {
    BLOCKED: "WeChat's receipt: the user has blocked the account",
    UNDELIVERED: "WeChat's receipt: it could not deliver the message",
}
"""By the receipt of the attempt that was accepted."""
HELD_BACK = {
    "endpoint_down": "held back, nothing is lost: its endpoint does not work",
    "endpoint_full": "held back, nothing is lost: its endpoint is busy",
    "rate_limit": "held back, nothing is lost: its endpoint takes no more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """whys: for each attempt, why it was made then and through that tier.

    next_at: when something will happen; None where nothing will, or nobody knows when.
    """

    state: str
    reason: str
    whys: tuple[str, ...]
    next: str
    next_at: datetime | None


def explain(timeline: Timeline, ladder: Ladder) -> Explanation:
    """ladder: the one the notification climbs, as it is set today."""
    standing = timeline.standing
    earlier = [None, *timeline.attempts]
    unheard = _unheard(timeline)
    text, at = ("nothing", None) if unheard else _next(standing)
    return Explanation(
        state=NOT_RECEIVED if unheard else STATES[standing.state],
        reason=unheard or _reason(standing.reason, standing.state),
        whys=tuple(
            _why(made, before, timeline, ladder)
            for before, made in zip(earlier, timeline.attempts, strict=False)
        ),
        next=text,
        next_at=at,
    )


def _unheard(timeline: Timeline) -> str:
    """Why what was accepted was not received; "" where nobody says so."""
    if timeline.standing.state is not State.SENT or not timeline.attempts:
        return ""
    receipt = timeline.attempts[-1].receipt
    if receipt is None or not receipt.status.startswith("failed"):
        return ""
    return UNHEARD.get(receipt.status, f"WeChat's receipt: {receipt.status}")


def why_held(reason: str) -> str:
    """In words, why a notification was held back; the reason itself where it was not."""
    kind, _, rest = reason.partition(":")
    return f"{HELD_BACK[kind]}: {rest}" if kind in HELD_BACK else reason


def _reason(reason: str, state: State) -> str:
    kind, separator, code = reason.partition(":")
    if kind in HELD_BACK:
        return why_held(reason) if state in (State.WAITING, State.SCHEDULED) else ""
    if separator and kind == "exhausted":
        return f"the ladder has no further step; the last answer was {code}"
    if reason.startswith("status_"):
        return f"the order has status {reason.removeprefix('status_')}"
    return REASONS.get(reason, reason)


def _why(made: Made, before: Made | None, timeline: Timeline, ladder: Ladder) -> str:
    for change in timeline.rescheduled:
        if change.to_at == made.due_at:
            return f"rescheduled by {change.who}"
    step = _step(made.step, ladder)
    if before is None:
        first = timeline.standing.accepted_at + ladder.delay(0)
        if made.step == 0 and made.due_at - first > NEAR:
            return "the moment that was asked for"
        return step
    if made.step > before.step:
        return f"{step} after the one before"
    if before.outcome == "released":
        return "the same step again: the channel rested"
    if before.code == "lease_lost":
        return "the same step again: the process before was lost"
    return "replayed from the first step"


def _step(step: int, ladder: Ladder) -> str:
    return f"step {step + 1} of {ladder.name}: {ladder.delay(step).total_seconds():g} s"


def _next(standing: Standing) -> tuple[str, datetime | None]:
    match standing.state:
        case State.SENT:
            return "nothing: it was heard", None
        case State.CANCELLED:
            return "nothing", None
        case State.DEAD:
            return f"nothing, until `notifier dlq replay {standing.id}`", None
        case State.UNKNOWN:
            return (
                f"nothing, until `notifier resolve {standing.id} --sent` (or --dead), "
                "or a replay with --force",
                None,
            )
        case State.IN_FLIGHT:
            return _in_flight(standing), standing.lease_until
        case State.SCHEDULED | State.WAITING:
            return _due(standing), standing.due_at


def _in_flight(standing: Standing) -> str:
    text = f"attempt {standing.attempt} answers, or its lease ends and it is tried again"
    if standing.cancel_requested:
        return f"{text}; if it fails: {standing.cancel_requested}"
    return text


def _due(standing: Standing) -> str:
    where = "the calendar" if standing.state is State.SCHEDULED else f"tier {standing.tier}s"
    text = f"attempt {standing.attempt} through {where}"
    if standing.pause_scope:
        text += f"; {title_of(standing.pause_scope)} is at rest: {standing.pause_reason}"
    late = standing.now - standing.due_at
    if late > timedelta(seconds=1):
        doubt = "" if standing.pause_scope else " (is a fleet running?)"
        text += f"; overdue by {late.total_seconds():.0f} s{doubt}"
    if standing.sweeps:
        text += f"; published again {standing.sweeps} times"
    return text


def who(standing: Standing) -> str:
    """The person's part and, where it is known, name and number."""
    if standing.role is Role.DESIGNER and standing.designer_id is not None:
        return f"{standing.designer_name or ''} ({standing.designer_id})".strip()
    return ""
