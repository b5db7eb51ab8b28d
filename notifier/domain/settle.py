"""What an outcome makes of its notification: decided from the locked row, without a clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from notifier.domain.ladder import Ladder
from notifier.domain.notification import GIVEN_UP, State
from notifier.domain.outcome import Outcome, Paused, Permanent, Retry, Sent, Unknown
from notifier.domain.placement import Places
from notifier.domain.value import value

EXHAUSTED = "exhausted"
EXPIRED = "expired"
"""The deadline comes before the next attempt would."""
CRASHES_TO_GIVE_UP = 3
OPEN_REST = timedelta(minutes=10)
"""How long a claim is put off while nobody knows when what rests will work again."""


@value
class InFlight:
    """The part of a claimed row that decides.

    unknown_since: start of the earliest attempt whose outcome is unknown.
    cancel_requested: reason of a person's request that turns Retry into cancelled; "" for none.
    deadline_at: nobody is told after it.
    """

    seq: int
    step: int
    attempt: int
    crashes: int = 0
    unknown_since: datetime | None = None
    cancel_requested: str = ""
    deadline_at: datetime | None = None


@value
class Next:
    """The row's new values. Terminal states have no due_at; next_sweep_at only until the owner is
    told, where there is one to be told.

    reason: of an end, or of holding it back.
    attempted: how the attempt's row reads; "" where no attempt was made.
    """

    state: State
    seq: int
    step: int
    attempt: int
    attempted: str
    reason: str = ""
    tier: int | None = None
    due_at: datetime | None = None
    next_sweep_at: datetime | None = None
    unknown_since: datetime | None = None
    crashes: int = 0


@value
class Rules:
    """What holds for one notification's channel and ladder.

    protected_for: how long the channel's id protects against doubling; None: for ever.
    pause: how long to rest where a refusal names no moment. luck: of this decision's jitter,
    0 to 1. tells_owner: of the end, when it is given up; see `notifier.dispatch.fates`.
    """

    ladder: Ladder
    places: Places
    protected_for: timedelta | None
    send_timeout: timedelta
    pause: timedelta
    luck: float = 0.0
    tells_owner: bool = False


def settle(
    row: InFlight, outcome: Outcome, rules: Rules, *, began: datetime, now: datetime
) -> Next:
    """began: when the attempt's send started; now: when it ended. Both the database's time."""
    return _to_tell(_settle(row, outcome, rules, began=began, now=now), rules, now)


def _settle(
    row: InFlight, outcome: Outcome, rules: Rules, *, began: datetime, now: datetime
) -> Next:
    match outcome:
        case Sent():
            return _end(row, State.SENT, "sent", "")
        case Permanent(code=code):
            return _end(row, _given_up(row.unknown_since), "dead", code)
        case Paused(resume_at=resume_at):
            if row.cancel_requested:
                return _end(row, State.CANCELLED, "released", row.cancel_requested)
            due_at = max(resume_at, now) if resume_at else now + rules.pause
            return _again(row, rules, now, due_at, step=row.step, attempted="released")
        case Retry(code=code, not_before=not_before):
            return _climb(row, rules, now, not_before, code, attempted="retry", unknown_since=None)
        case Unknown(code=code):
            since = row.unknown_since or began
            return _climb(row, rules, now, timedelta(0), code, "unknown", unknown_since=since)


def crash(row: InFlight, rules: Rules, *, began: datetime, now: datetime) -> Next:
    """The lease ran out: the attempt is closed as unknown, the step is not burnt."""
    return _to_tell(_crash(row, rules, began=began, now=now), rules, now)


def _crash(row: InFlight, rules: Rules, *, began: datetime, now: datetime) -> Next:
    since = row.unknown_since or began
    if row.crashes + 1 >= CRASHES_TO_GIVE_UP:
        return _end(row, State.UNKNOWN, "unknown", "crash_loop", unknown_since=since)
    if row.cancel_requested:
        return _end(row, State.CANCELLED, "unknown", row.cancel_requested, unknown_since=since)
    if not _protected(since, rules, now):
        return _end(row, State.UNKNOWN, "unknown", "unprotected", unknown_since=since)
    return _again(
        row, rules, now, now, row.step, "unknown", unknown_since=since, crashes=row.crashes + 1
    )


def release(
    row: InFlight,
    rules: Rules,
    *,
    until: datetime,
    now: datetime,
    reason: str = "",
    is_exact: bool = True,
) -> Next:
    """Give a claim back that was never begun: nothing is burnt, no attempt is written.

    reason, is_exact: as in Held.
    """
    if row.cancel_requested:
        return _end(row, State.CANCELLED, "", row.cancel_requested)
    due_at = max(until, now)
    after = _again(row, rules, now, due_at, row.step, attempted="", crashes=row.crashes)
    if is_exact:
        return replace(after, reason=reason)
    shelved = rules.places.in_calendar(due_at)
    return replace(
        after,
        reason=reason,
        state=shelved.state,
        tier=shelved.tier,
        next_sweep_at=shelved.next_sweep_at,
    )


def may_send(unknown_since: datetime | None, rules: Rules, now: datetime) -> bool:
    """Whether the receiver's id still protects, should the earlier unknown attempt have told."""
    return unknown_since is None or _protected(unknown_since, rules, now)


def _to_tell(after: Next, rules: Rules, now: datetime) -> Next:
    """Somebody has to look at it once more, to tell the owner."""
    if rules.tells_owner and after.state in GIVEN_UP:
        return replace(after, next_sweep_at=now)
    return after


def _given_up(unknown_since: datetime | None) -> State:
    """An attempt of unknown outcome may have told: such a one is never called dead."""
    return State.DEAD if unknown_since is None else State.UNKNOWN


def _protected(since: datetime, rules: Rules, at: datetime) -> bool:
    if rules.protected_for is None:
        return True
    return at + rules.send_timeout < since + rules.protected_for


def _climb(
    row: InFlight,
    rules: Rules,
    now: datetime,
    not_before: timedelta,
    code: str,
    attempted: str,
    unknown_since: datetime | None,
) -> Next:
    since = unknown_since or row.unknown_since
    if row.cancel_requested:
        return _end(row, State.CANCELLED, attempted, row.cancel_requested, unknown_since=since)
    if not rules.ladder.has_step(row.step + 1):
        end = _given_up(since)
        return _end(row, end, attempted, f"{EXHAUSTED}:{code}", unknown_since=since)
    delay = rules.ladder.retry_delay(row.step + 1, luck=rules.luck)
    due_at = now + max(delay, not_before)
    if row.deadline_at is not None and due_at > row.deadline_at:
        end = _given_up(since)
        return _end(row, end, attempted, f"{EXPIRED}:{code}", unknown_since=since)
    if since is not None and not _protected(since, rules, due_at):
        return _end(row, State.UNKNOWN, attempted, "unprotected", unknown_since=since)
    return _again(
        row, rules, now, due_at, step=row.step + 1, attempted=attempted, unknown_since=since
    )


def _again(
    row: InFlight,
    rules: Rules,
    now: datetime,
    due_at: datetime,
    step: int,
    attempted: str,
    unknown_since: datetime | None = None,
    crashes: int = 0,
) -> Next:
    placement = rules.places.place(due_at, now, step_delay=rules.ladder.delay(step))
    return Next(
        state=placement.state,
        seq=row.seq + 1,
        step=step,
        attempt=row.attempt + (1 if attempted else 0),
        attempted=attempted,
        tier=placement.tier,
        due_at=due_at,
        next_sweep_at=placement.next_sweep_at,
        unknown_since=unknown_since or row.unknown_since,
        crashes=crashes,
    )


def _end(
    row: InFlight,
    state: State,
    attempted: str,
    reason: str,
    unknown_since: datetime | None = None,
) -> Next:
    return Next(
        state=state,
        seq=row.seq,
        step=row.step,
        attempt=row.attempt,
        attempted=attempted,
        reason=reason,
        unknown_since=unknown_since or row.unknown_since,
    )
