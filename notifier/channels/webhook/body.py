"""A notification as the JSON body of a webhook.

Source: the Standard Webhooks specification 1.0.0, "Payload structure".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import orjson

from notifier.domain.notification import Notification, Role
from notifier.errors import InvalidInput

LARGEST = 64 * 1024
USUAL_TYPES = {
    Role.DESIGNER: "order.assigned",
    Role.PUBLISHER: "order.dispatched",
    Role.RECIPIENT: "notification",
}
"""Where a notification names no template."""
_TYPE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


def encode(notification: Notification) -> bytes:
    """`{"type", "timestamp", "data"}`, the same bytes for every attempt.

    type: the template's name. timestamp: when the notification was accepted. data: its payload, and
    what is known of its order. Raises InvalidInput: no attempt of it can ever succeed.
    """
    kind = notification.template or USUAL_TYPES[notification.role]
    if not _TYPE.fullmatch(kind):
        raise InvalidInput("template", f"{kind!r} is no type: letters, digits, '.', '_' and '-'")
    data = dict(notification.payload)
    if notification.order_no:
        data["order_no"] = notification.order_no
    if notification.dispatched_at is not None:
        data["dispatched_at"] = _moment(notification.dispatched_at)
    accepted_at = notification.accepted_at or datetime.fromtimestamp(0, UTC)
    document = {"type": kind, "timestamp": _moment(accepted_at), "data": data}
    try:
        body = orjson.dumps(document)
    except orjson.JSONEncodeError as error:
        raise InvalidInput("payload", f"cannot be written as JSON: {error}") from error
    if len(body) > LARGEST:
        raise InvalidInput("payload", f"makes a body of {len(body)} bytes; at most {LARGEST}")
    return body


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
