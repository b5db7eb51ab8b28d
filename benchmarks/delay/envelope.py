"""Messages that differ in a number only."""

from __future__ import annotations

import struct
from typing import cast

import pamqp.frame
from pamqp import commands as spec
from pamqp.common import FieldTable
from pamqp.header import ContentHeader

from benchmarks.delay.wire import BODY_KIND, CHANNEL, FRAME, FRAME_END

_NUMBER = struct.Struct(">Q")
LEAST_BYTES = _NUMBER.size
PERSISTENT = 2


class Envelope:
    """All frames of a persistent message but its number, marshalled once."""

    def __init__(
        self, publish: spec.Basic.Publish, headers: FieldTable, *, body_bytes: int
    ) -> None:
        properties = spec.Basic.Properties(delivery_mode=PERSISTENT, headers=headers)
        header = ContentHeader(body_size=body_bytes, properties=properties)
        frames = [pamqp.frame.marshal(frame, CHANNEL) for frame in (publish, header)]
        self._head = b"".join(frames) + FRAME.pack(BODY_KIND, CHANNEL, body_bytes)
        self._tail = bytes(body_bytes - LEAST_BYTES) + FRAME_END

    def seal(self, number: int) -> bytes:
        return self._head + _NUMBER.pack(number) + self._tail


def number_of(data: bytes, at: int) -> int:
    """The number of the message whose body begins at this place."""
    return cast(int, _NUMBER.unpack_from(data, at)[0])
