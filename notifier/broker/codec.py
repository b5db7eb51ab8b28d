"""The message on the wire: small JSON that refers to a row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import orjson

from notifier.domain.message import VERSION, Message
from notifier.domain.notification import ChannelName, Role
from notifier.errors import DecodeError, UnknownVersion

LONGEST_BODY = 64 * 1024
"""Bytes. Ours have some 250; what is longer is somebody else's."""
LONGEST_ORDER_NO = 255
LARGEST = 2**63

Word = TypeVar("Word", bound=StrEnum)
_CHANNELS = {word.value: word for word in ChannelName}
_ROLES = {word.value: word for word in Role}


def encode(message: Message) -> bytes:
    return orjson.dumps(
        {
            "v": VERSION,
            "notification_id": message.notification_id,
            "seq": message.seq,
            "order_no": message.order_no,
            "channel": message.channel.value,
            "role": message.role.value,
            "attempt": message.attempt,
            "tier": message.tier,
            "due_at": _written(message.due_at),
        }
    )


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def decode(body: bytes) -> Message:
    """Read a message. Fields that are not known are ignored, as a newer fleet may send some.

    Raises UnknownVersion for a `v` above ours, DecodeError with the field for all else.
    """
    fields = _fields(body)
    version = _whole(fields, "v", least=1)
    if version > VERSION:
        raise UnknownVersion(f"v: {version} is newer than {VERSION}; upgrade this fleet")
    return Message(
        notification_id=_uuid(fields),
        seq=_whole(fields, "seq", least=0),
        order_no=_order_no(fields),
        channel=_word(fields, "channel", _CHANNELS),
        role=_word(fields, "role", _ROLES),
        attempt=_whole(fields, "attempt", least=1),
        tier=_whole(fields, "tier", least=1),
        due_at=_due_at(fields),
    )


def _fields(body: bytes) -> dict[str, Any]:
    if len(body) > LONGEST_BODY:
        raise DecodeError(f"body: {len(body)} bytes are more than {LONGEST_BODY}")
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"body: is no JSON ({error})") from None
    if not isinstance(fields, dict):
        raise DecodeError(f"body: is a JSON {type(fields).__name__}, not an object")
    return fields


def _whole(fields: dict[str, Any], name: str, *, least: int) -> int:
    value = fields.get(name)
    if type(value) is int and least <= value < LARGEST:  # a bool is an int, to isinstance
        return value
    raise DecodeError(f"{name}: {_shown(value)} is no whole number from {least}")


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise DecodeError(f"{name}: {_shown(value)} is no text")
    return value


def _order_no(fields: dict[str, Any]) -> str:
    text = _text(fields, "order_no")
    if len(text) > LONGEST_ORDER_NO:
        raise DecodeError(f"order_no: {len(text)} characters are more than {LONGEST_ORDER_NO}")
    return text


def _word(fields: dict[str, Any], name: str, words: Mapping[str, Word]) -> Word:
    text = _text(fields, name)
    word = words.get(text)
    if word is None:
        raise DecodeError(f"{name}: {_shown(text)} is none of {', '.join(words)}")
    return word


def _uuid(fields: dict[str, Any]) -> UUID:
    text = _text(fields, "notification_id")
    try:
        return UUID(text)
    except ValueError:
        raise DecodeError(f"notification_id: {_shown(text)} is no UUID") from None


def _due_at(fields: dict[str, Any]) -> datetime:
    text = _text(fields, "due_at")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise DecodeError(f"due_at: {_shown(text)} is no time like 2026-01-31T09:30:00.000000Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise DecodeError(f"due_at: {_shown(text)} is out of range") from None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
