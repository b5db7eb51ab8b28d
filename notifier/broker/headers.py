"""What a dead message keeps of the headers it came with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import cast

from pamqp.common import FieldTable, FieldValue

REASON = "x-notifier-reason"
DROPPED = ("x-delay", "x-death", "x-first-death-", "x-last-death-", "x-delivery-count", REASON)
"""A broker that finds its own headers on a publish acts on them: it delays, or sees a cycle."""


def dead_headers(headers: Mapping[str, object], reason: str) -> FieldTable:
    """The foreign headers without the broker's own, and the reason."""
    kept = {
        name: _encodable(value) for name, value in headers.items() if not name.startswith(DROPPED)
    }
    return {**kept, REASON: reason}


def _encodable(value: object) -> FieldValue:
    if isinstance(value, dict):
        return {str(name): _encodable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_encodable(inner) for inner in value]
    plain = (bool, int, float, str, bytes, bytearray, datetime, Decimal)
    return cast(FieldValue, value) if value is None or isinstance(value, plain) else repr(value)
