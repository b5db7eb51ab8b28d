"""A notification as the JSON body of a webhook.

Source: the Standard Webhooks specification 1.0.0, "Payload structure".
"""

from __future__ import annotations

import re

from notifier.channels.document import USUAL_KINDS, accepted_at_of, data_of, written
from notifier.domain.notification import Notification
from notifier.errors import InvalidInput

LARGEST = 64 * 1024
_TYPE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


def encode(notification: Notification) -> bytes:
    """`{"type", "timestamp", "data"}`, the same bytes for every attempt.

    type: the template's name. timestamp: when the notification was accepted. data: its payload, and
    what is known of its order. Raises InvalidInput: no attempt of it can ever succeed.
    """
    kind = notification.template or USUAL_KINDS[notification.role]
    if not _TYPE.fullmatch(kind):
        raise InvalidInput("template", f"{kind!r} is no type: letters, digits, '.', '_' and '-'")
    document = {
        "type": kind,
        "timestamp": accepted_at_of(notification),
        "data": data_of(notification),
    }
    return written(document, what="body", largest=LARGEST)
