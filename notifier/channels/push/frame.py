"""A push as the client reads it."""

from __future__ import annotations

from notifier.channels.document import USUAL_KINDS, accepted_at_of, data_of, written
from notifier.domain.notification import Notification

LARGEST = 65 * 1024
"""A payload has 64 KiB, and there are a few words around it."""


def encode(notification: Notification) -> bytes:
    """`{"event": "push", "id", "kind", "accepted_at", "data"}`, the same in every attempt.

    kind: the template's name. data: the payload, and what is known of the order. Raises
    InvalidInput: no attempt of it can ever succeed.
    """
    document = {
        "event": "push",
        "id": str(notification.id),
        "kind": notification.template or USUAL_KINDS[notification.role],
        "accepted_at": accepted_at_of(notification),
        "data": data_of(notification),
    }
    return written(document, what="push", largest=LARGEST)
