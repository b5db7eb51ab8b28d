"""The documents that the pages show; what is not known is null."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson

from notifier.domain.census import counted
from notifier.domain.endpoint import PREFIX, EndpointStanding
from notifier.domain.notification import State
from notifier.domain.overview import (
    CalendarAhead,
    Count,
    Counts,
    EndpointsSeen,
    Failed,
    Failures,
    Pace,
    TierCount,
    TierPace,
)
from notifier.domain.pause import Pause
from notifier.domain.timeline import masked
from notifier.store.operators import Deed


def of_count(count: Count) -> dict[str, Any]:
    return {"n": count.number, "more": count.more}


def of_ladder(
    tiers: Sequence[int],
    open_ones: Sequence[TierCount],
    pace: Pace,
    given_up: Mapping[int, Count],
) -> dict[str, Any]:
    """Rates, and what was sent, retried and given up, are of the window."""
    seen = {one.tier for one in open_ones} | {cell[0] for cell in pace.cells}
    return {
        "window_s": round(pace.window.total_seconds(), 1),
        "tiers": [
            _tier(tier, open_ones, pace.of(tier), given_up.get(tier, Count(number=0)))
            | {"rate_per_s": _rate(pace.of(tier).attempts, pace.window)}
            for tier in sorted({*tiers, *seen})
        ],
    }


def _rate(attempts: int, window: timedelta) -> float:
    return round(attempts / max(window.total_seconds(), 0.001), 3)


def _tier(
    tier: int, open_ones: Sequence[TierCount], done: TierPace, given_up: Count
) -> dict[str, Any]:
    mine = {one.state: one for one in open_ones if one.tier == tier}
    waiting, in_flight = (mine.get(s) for s in (State.WAITING, State.IN_FLIGHT))
    # More of one state than are looked up: of this tier there may be any number.
    more = {one.state for one in open_ones if one.count.more}
    # The last failure of a ladder reads like any other: that nothing followed is in the row.
    retried = max(done.retried + done.dead - given_up.number, 0)
    return {
        "tier": tier,
        "waiting": _known(waiting, more=State.WAITING in more),
        "in_flight": _known(in_flight, more=State.IN_FLIGHT in more),
        "overdue": waiting.overdue if waiting else 0,
        "sent": done.sent,
        "retried": retried,
        "dead": of_count(given_up),
        "other": done.other,
        "p50_ms": ms(done.lateness_p50),
        "p99_ms": ms(done.lateness_p99),
    }


def _known(one: TierCount | None, *, more: bool) -> dict[str, Any]:
    return of_count(one.count) if one else {"n": 0, "more": more}


def of_counts(counts: Counts) -> dict[str, Any]:
    return {
        "scheduled": of_count(counts.scheduled),
        "dead": of_count(counts.dead),
        "unknown": of_count(counts.unknown),
    }


def of_calendar(calendar: CalendarAhead) -> dict[str, Any]:
    return {
        "now": calendar.now,
        "overdue": of_count(calendar.beyond.before),
        "later": of_count(calendar.beyond.after),
        "buckets": [
            {"at": each.begins, "lasts_s": each.lasts.total_seconds(), **of_count(each.count)}
            for each in calendar.buckets
        ],
    }


def of_failures(failures: Failures) -> dict[str, Any]:
    return {
        "looked_at": failures.looked_at,
        "more": failures.more,
        "groups": [
            {
                "state": group.state,
                "reason": group.reason,
                "count": group.count,
                "newest": of_failed(group.newest),
            }
            for group in failures.groups
        ],
    }


def of_failed(failed: Failed) -> dict[str, Any]:
    return {
        "id": str(failed.id),
        "state": failed.state,
        "reason": failed.reason,
        "channel": failed.channel,
        "role": failed.role,
        "recipient": failed.recipient,
        "order_no": failed.order_no,
        "attempt": failed.attempt,
        "ended_at": failed.ended_at,
        "words": failed.words,
    }


def of_endpoints(seen: EndpointsSeen) -> dict[str, Any]:
    return {
        "number": seen.number,
        "endpoints": [_endpoint(one, seen) for one in seen.endpoints],
        "put_off": [{"scope": scope, **of_count(count)} for scope, count in seen.put_off.items()],
    }


def _endpoint(one: EndpointStanding, seen: EndpointsSeen) -> dict[str, Any]:
    """breaker: `open` where something is held because it does not work; else what it last said."""
    scope = PREFIX + one.form.name
    held, reason = seen.held.get(scope, (Count(number=0), ""))
    put_off = seen.put_off.get(scope, Count(number=0))
    return {
        "name": one.form.name,
        "url": masked(one.form.url),
        "dialect": one.form.dialect.value,
        "rate_per_s": one.form.rate_per_s,
        "failing_since": one.failing_since,
        "failures": one.failures,
        "breaker": "open" if reason.startswith("endpoint_down") else "closed",
        "held": of_count(
            Count(number=held.number + put_off.number, more=held.more or put_off.more)
        ),
        "held_reason": reason,
        "pause_reason": one.pause_reason or None,
        "paused_by": one.paused_by or None,
        "paused_until": one.paused_until,
    }


def of_pauses(pauses: Iterable[Pause]) -> list[dict[str, Any]]:
    return [
        {
            "scope": one.scope,
            "since": one.since,
            "until": one.until,
            "reason": one.reason,
            "who": one.who,
        }
        for one in pauses
    ]


def of_clients(answers: Sequence[bytes]) -> dict[str, int]:
    """Of all gateways that answered. unacknowledged: pushes that wait for their clients' word."""
    return counted([orjson.loads(answer) for answer in answers])


def of_deeds(deeds: Iterable[Deed]) -> list[dict[str, Any]]:
    return [
        {
            "at": one.done_at,
            "who": one.who,
            "deed": one.deed,
            "target": one.target,
            "why": one.why,
            "asked": one.asked,
            "done": one.done,
        }
        for one in deeds
    ]


def ms(duration: timedelta | None) -> float | None:
    return None if duration is None else round(duration.total_seconds() * 1000, 2)
