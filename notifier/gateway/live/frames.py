"""What a client is told: JSON objects, each written once for all who get it."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from uuid import UUID

import orjson

RECEIPT = "支付成功。请稍后,接收通知!"
ORDER_FAILED = "订单失败"
SUBMITTED = "任务已经提交,请等待服务器计算数据!"
NOT_SUBMITTED = "任务提交失败,请联系管理员进行处理!"
"""Source of the four: the how-tos that this product grew out of."""

_TEXT = 0x81
"""A whole message of text. Source: RFC 6455 section 5.2."""


class Frame:
    """One message: its JSON, and the same as each transport writes it."""

    __slots__ = ("_websocket", "body", "id")

    def __init__(self, body: bytes, id_: UUID | None = None) -> None:
        """id_: of a push, by which a client resumes."""
        self.body = body
        self.id = id_
        self._websocket: bytes | None = None

    @property
    def websocket(self) -> bytes:
        if self._websocket is None:
            self._websocket = _head(len(self.body)) + self.body
        return self._websocket

    @property
    def sse(self) -> bytes:
        mark = f"id: {self.id}\n".encode() if self.id else b""
        return b"%bdata: %b\n\n" % (mark, self.body)


def _head(size: int) -> bytes:
    if size < 126:
        return struct.pack("!BB", _TEXT, size)
    if size < 65_536:
        return struct.pack("!BBH", _TEXT, 126, size)
    return struct.pack("!BBQ", _TEXT, 127, size)


def frame(event: str, *, ref: str | int | None = None, **fields: object) -> Frame:
    """ref: the request's that it answers."""
    document: dict[str, object] = {"event": event}
    if ref is not None:
        document["ref"] = ref
    return Frame(orjson.dumps(document | fields))


def json_of(value: bytes) -> bytes:
    """As it is where it is JSON, else as a text."""
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return orjson.dumps(value.decode(errors="replace"))
    # One line: SSE ends at an empty one, and outside of its texts JSON may have them.
    return value if b"\n" not in value and b"\r" not in value else orjson.dumps(orjson.loads(value))


def message(topic: str, value: bytes) -> Frame:
    return Frame(
        b'{"event":"message","topic":%b,"data":%b}' % (orjson.dumps(topic), json_of(value))
    )


def subscribed(topic: str, last: bytes | None, *, ref: str | int | None) -> Frame:
    fields: dict[str, object] = {"topic": topic}
    if last is not None:
        fields["last"] = orjson.Fragment(json_of(last))
    return frame("subscribed", ref=ref, **fields)


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
