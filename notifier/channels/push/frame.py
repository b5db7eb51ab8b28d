"""A push as the client reads it."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from notifier.domain.notification import Notification, Role
from notifier.errors import InvalidInput

LARGEST = 65 * 1024
"""A payload has 64 KiB, and there are a few words around it."""
USUAL_KINDS = {
    Role.DESIGNER: "order.assigned",
    Role.PUBLISHER: "order.dispatched",
    Role.RECIPIENT: "notification",
}


def encode(notification: Notification) -> bytes:
    """`{"event": "push", "id", "kind", "accepted_at", "data"}`, the same in every attempt.

    kind: the template's name. data: the payload, and what is known of the order. Raises
    InvalidInput: no attempt of it can ever succeed.
    """
    data = dict(notification.payload)
    if notification.order_no:
        data["order_no"] = notification.order_no
    if notification.dispatched_at is not None:
        data["dispatched_at"] = _moment(notification.dispatched_at)
    accepted_at = notification.accepted_at or datetime.fromtimestamp(0, UTC)
    document = {
        "event": "push",
        "id": str(notification.id),
        "kind": notification.template or USUAL_KINDS[notification.role],
        "accepted_at": _moment(accepted_at),
        "data": data,
    }
    try:
        body = orjson.dumps(document)
    except orjson.JSONEncodeError as error:
        raise InvalidInput("payload", f"cannot be written as JSON: {error}") from error
    if len(body) > LARGEST:
        raise InvalidInput("payload", f"makes a push of {len(body)} bytes; at most {LARGEST}")
    return body


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
