"""What a notification says to a program: the part that webhooks and pushes have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from notifier.domain.notification import Notification, Role
from notifier.errors import InvalidInput

USUAL_KINDS = {
    Role.DESIGNER: "order.assigned",
    Role.PUBLISHER: "order.dispatched",
    Role.RECIPIENT: "notification",
}
"""Where a notification names no template."""


def data_of(notification: Notification) -> dict[str, object]:
    """Its payload, and what is known of its order."""
    data = dict(notification.payload)
    if notification.order_no:
        data["order_no"] = notification.order_no
    if notification.dispatched_at is not None:
        data["dispatched_at"] = moment_text(notification.dispatched_at)
    return data


def accepted_at_of(notification: Notification) -> str:
    return moment_text(notification.accepted_at or datetime.fromtimestamp(0, UTC))


def moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def written(document: Mapping[str, object], *, what: str, largest: int) -> bytes:
    """As JSON. what: for the error. largest: bytes. Raises InvalidInput."""
    try:
        body = orjson.dumps(document)
    except orjson.JSONEncodeError as error:
        raise InvalidInput("payload", f"cannot be written as JSON: {error}") from error
    if len(body) > largest:
        raise InvalidInput("payload", f"makes a {what} of {len(body)} bytes; at most {largest}")
    return body
