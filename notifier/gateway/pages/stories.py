"""The document of one notification's story."""

from __future__ import annotations

from typing import Any

from notifier.dispatch.explain import Explained
from notifier.domain.explanation import who
from notifier.domain.timeline import Made, masked
from notifier.gateway.pages.documents import ms

SHOWN_BODY = 500
"""Characters of a receiver's answer."""


def of_explained(item: Explained) -> dict[str, Any]:
    standing, words = item.timeline.standing, item.explanation
    return {
        "id": str(standing.id),
        "order_no": standing.order_no,
        "role": standing.role.value,
        "channel": standing.channel.value,
        "recipient": masked(standing.recipient),
        "who": who(standing),
        "ladder": standing.ladder,
        "state": standing.state.value,
        "reason": standing.reason,
        "in_words": words.reason or words.state,
        "tier": standing.tier,
        "attempt": standing.attempt,
        "accepted_at": standing.accepted_at,
        "dispatched_at": standing.dispatched_at,
        "due_at": standing.due_at,
        "settled_at": standing.settled_at,
        "next": words.next,
        "next_at": words.next_at,
        "now": standing.now,
        "attempts": [
            _made(made, why)
            for made, why in zip(item.timeline.attempts, words.whys, strict=True)
        ],
        "rescheduled": [
            {"at": c.changed_at, "from": c.from_at, "to": c.to_at, "who": c.who, "why": c.why}
            for c in item.timeline.rescheduled
        ],
    }  # fmt: skip


def _made(made: Made, why: str) -> dict[str, Any]:
    answer = made.answer
    return {
        "number": made.number,
        "tier": made.tier,
        "due_at": made.due_at,
        "started_at": made.started_at,
        "took_ms": ms(made.duration),
        "late_ms": ms(made.lateness),
        "outcome": made.outcome,
        "code": made.code,
        "detail": made.detail,
        "why": why,
        "status": answer.status if answer else None,
        "body": answer.body.decode(errors="replace")[:SHOWN_BODY] if answer else None,
    }
