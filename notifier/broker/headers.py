"""The headers of what we publish.

None of a delivery's own is kept where a broker would act on it: an old x-delay, an old x-death.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import cast

from pamqp.common import FieldTable, FieldValue

from notifier.domain.message import Message

REASON = "x-notifier-reason"
DROPPED = ("x-delay", "x-death", "x-first-death-", "x-last-death-", "x-delivery-count", REASON)
ROUTING = frozenset({"CC", "BCC"})
"""RabbitMQ sends a copy to each queue that these name. Source: RabbitMQ, Sender-selected
Distribution."""


def fresh_headers(message: Message, delay_headers: FieldTable) -> FieldTable:
    return {**delay_headers, "x-notifier-attempt": message.attempt}


def dead_headers(headers: Mapping[str, object], reason: str) -> FieldTable:
    """The foreign headers without the broker's own, and the reason."""
    kept = {
        name: _encodable(value)
        for name, value in headers.items()
        if name not in ROUTING and not name.startswith(DROPPED)
    }
    return {**kept, REASON: reason}


def _encodable(value: object) -> FieldValue:
    if isinstance(value, dict):
        return {str(name): _encodable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_encodable(inner) for inner in value]
    plain = (bool, int, float, str, bytes, bytearray, datetime, Decimal)
    return cast(FieldValue, value) if value is None or isinstance(value, plain) else repr(value)
