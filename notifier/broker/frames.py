"""AMQP 0-9-1 frames of the methods that come and go with each message, and of no other.

Source: AMQP 0-9-1 specification, section 2.3 (framing) and 2.3.5.2 (content header).
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError

import pamqp.encode
from pamqp.common import FieldTable
from pamqp.exceptions import PAMQPException
from pamqp.header import ContentHeader

METHOD, HEADER, BODY = 1, 2, 3
FRAME_TYPES = frozenset({METHOD, HEADER, BODY, 8})
HEAD = Struct(">BHI")
"""Of a frame: its type, channel, and the size of what follows without the end mark."""
AROUND = HEAD.size + 1
END = b"\xce"
HEARTBEAT = HEAD.pack(8, 0, 0) + END

PUBLISH = b"\x00\x3c\x00\x28"
RETURN = b"\x00\x3c\x00\x32"
DELIVER = b"\x00\x3c\x00\x3c"
ACK = b"\x00\x3c\x00\x50"
REJECT = b"\x00\x3c\x00\x5a"
NACK = b"\x00\x3c\x00\x78"

TAG = Struct(">QB")
"""A delivery tag, and a bit: redelivered, multiple or requeue."""
SIZE = Struct(">Q")
_SETTLE = Struct(">BHI4sQBB")
_CONTENT = Struct(">BHIIQ")
_PERSISTENT_JSON = b"\xb0\x80\x10application/json"
"""The flags of content type, headers, delivery mode and message id; then the content type."""


def ack(channel: int, tag: int, *, multiple: bool = False) -> bytes:
    return _SETTLE.pack(METHOD, channel, 13, ACK, tag, multiple, END[0])


def reject(channel: int, tag: int) -> bytes:
    """Back to its queue."""
    return _SETTLE.pack(METHOD, channel, 13, REJECT, tag, True, END[0])


def publish(channel: int, *, exchange: str, routing_key: str, mandatory: bool) -> bytes:
    payload = b"".join(
        (PUBLISH, b"\0\0", _short(exchange), _short(routing_key), b"\1" if mandatory else b"\0")
    )
    return HEAD.pack(METHOD, channel, len(payload)) + payload + END


def content(channel: int, body: bytes, *, headers: FieldTable, message_id: str, most: int) -> bytes:
    """The header of a persistent JSON message, and its body in pieces of `most` bytes."""
    properties = b"".join(
        (_PERSISTENT_JSON, pamqp.encode.field_table(headers), b"\2", _short(message_id))
    )
    frames = [
        _CONTENT.pack(HEADER, channel, 12 + len(properties), 60 << 16, len(body)),
        properties,
        END,
    ]
    for start in range(0, len(body), most):
        piece = body[start : start + most]
        frames += (HEAD.pack(BODY, channel, len(piece)), piece, END)
    return b"".join(frames)


def headers_of(content_header: bytes) -> FieldTable:
    """Of a content header's payload; {} where they cannot be read, which nobody of us wrote."""
    header = ContentHeader()
    try:
        header.unmarshal(content_header)
    except (PAMQPException, StructError, ValueError, ArithmeticError, LookupError, OSError):
        return {}
    return header.properties.headers or {}


def _short(text: str) -> bytes:
    """Raises ValueError where it is longer than a short string can be."""
    encoded = text.encode()
    if len(encoded) > 255:
        raise ValueError(f"{text!r} is longer than 255 bytes")
    return bytes((len(encoded),)) + encoded
