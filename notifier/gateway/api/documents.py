"""What the API says of things, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.responses import Response

from notifier.dispatch.explain import Explained
from notifier.domain.endpoint import EndpointStanding
from notifier.domain.explanation import why_held
from notifier.domain.intervention import Intervened
from notifier.domain.submission import Accepted
from notifier.domain.timeline import Made, Standing, masked

INTERNAL = ("now", "seq", "next_sweep_at", "sweeps", "lease_owner", "lease_until", "claimed_at")
"""Of a row; `notifier explain --json` shows them."""


def answer(
    document: object, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Moments as `2026-11-21T04:00:00.123456Z`, durations as seconds."""
    body = orjson.dumps(
        document, default=_plain, option=orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS
    )
    return Response(body, status, headers=dict(headers or {}), media_type="application/json")


def accepted_document(accepted: Accepted) -> dict[str, object]:
    return {
        "id": str(accepted.id),
        "state": accepted.state.value,
        "due_at": accepted.due_at,
        "new": accepted.new,
        "held_up": accepted.held_up,
    }


def standing_document(standing: Standing) -> dict[str, Any]:
    """Recipients are masked, as wherever people look."""
    document = {name: value for name, value in asdict(standing).items() if name not in INTERNAL}
    return {**document, "recipient": masked(standing.recipient)}


def explained_document(explained: Explained) -> dict[str, Any]:
    words = explained.explanation
    return {
        **standing_document(explained.timeline.standing),
        "in_words": {
            "state": words.state,
            "reason": words.reason,
            "next": words.next,
            "next_at": words.next_at,
        },
        "attempts": attempt_documents(explained),
        "rescheduled": [asdict(change) for change in explained.timeline.rescheduled],
    }


def attempt_documents(explained: Explained) -> list[dict[str, Any]]:
    made = zip(explained.timeline.attempts, explained.explanation.whys, strict=True)
    return [{**_attempt(one), "why": why} for one, why in made]


def _attempt(made: Made) -> dict[str, Any]:
    document = asdict(made)
    document["duration_s"] = made.duration
    document["lateness_s"] = made.lateness
    del document["duration"], document["lateness"], document["answer"], document["receipt"]
    if made.receipt is not None:
        document["receipt"] = {
            "status": made.receipt.status,
            "received_at": made.receipt.received_at,
        }
    if made.answer is not None:
        document["answer"] = {
            "status": made.answer.status,
            "latency_s": made.answer.latency,
            "body": made.answer.body,
        }
    return document


def intervened_document(result: Intervened) -> dict[str, Any]:
    return {
        "id": str(result.id),
        "order_no": result.order_no,
        "done": result.done,
        "refused": result.refused,
    }


def endpoint_document(standing: EndpointStanding) -> dict[str, Any]:
    flat = asdict(standing)
    form = flat.pop("form")
    form["timeout_s"] = form.pop("timeout")
    flat["held_reason"] = why_held(standing.held_reason) if standing.held else ""
    state = "ok"
    if standing.pause_reason:
        state = "paused"
    elif standing.failing_since is not None:
        state = "failing"
    return {**form, "state": state, **flat}


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
