"""AMQP 0-9-1 as cheap as a client can speak it, so that the broker is what is measured.

One connection, one channel, bodies that fit one frame. A message costs this process 2 to 5 us.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import pamqp.frame
from pamqp import commands as spec
from pamqp.base import Frame
from pamqp.common import FieldTable
from pamqp.header import ProtocolHeader
from yarl import URL

from notifier.errors import NotifierError

CHANNEL = 1
_TIMEOUT_S = 60.0
FRAME_END = b"\xce"

# Source: AMQP 0-9-1, 2.3.5 (frames) and 1.8 (methods of class basic).
FRAME = struct.Struct(">BHI")
_METHOD = struct.Struct(">I")
_TAG = struct.Struct(">Q")
_METHOD_KIND, BODY_KIND = 1, 3
_DELIVER, _ACK, _NACK = 60 << 16 | 60, 60 << 16 | 80, 60 << 16 | 120
_CAPABILITIES: FieldTable = {
    "publisher_confirms": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
}

OnBody = Callable[[bytes, int], None]
"""Called with what was read from the socket and where in it the body of a message begins."""


class BenchmarkError(NotifierError):
    """The broker did something that makes the measurement void."""


class Wire(asyncio.Protocol):
    """A connection; made by `connect`."""

    def __init__(self) -> None:
        self.refused = 0
        self._transport: asyncio.WriteTransport
        self._rest = b""
        self._answers: asyncio.Queue[Frame] = asyncio.Queue()
        self._failure = ""
        self._changed = asyncio.Event()
        self._unconfirmed: dict[int, None] = {}
        self._published = 0
        self._tag = self._delivered = self._acked = 0
        self._on_body: OnBody | None = None

    async def request(self, method: Frame, *, channel: int = CHANNEL) -> Frame:
        """The broker's answer. Raises BenchmarkError with its reason when it refuses."""
        self._transport.write(pamqp.frame.marshal(method, channel))
        return await self._answer()

    async def publish(self, messages: Iterable[bytes], *, in_flight: int) -> None:
        """Return when all are confirmed. messages: whole frames, taken right before the write."""
        waiting = iter(messages)
        while batch := list(itertools.islice(waiting, in_flight - len(self._unconfirmed))):
            self.write(batch)
            while len(self._unconfirmed) >= in_flight:
                await self._change()
        await self.confirmed()

    def write(self, batch: Sequence[bytes]) -> None:
        first = self._published + 1
        self._published += len(batch)
        self._unconfirmed.update(dict.fromkeys(range(first, self._published + 1)))
        self._transport.write(b"".join(batch))

    async def confirmed(self) -> None:
        """Return when nothing is unconfirmed. Raises BenchmarkError where something was refused."""
        while self._unconfirmed:
            await self._change()
        if self.refused:
            raise BenchmarkError(f"RabbitMQ refused {self.refused} publishes (basic.nack)")

    async def consume(self, queues: Iterable[str], on_body: OnBody, *, prefetch: int) -> None:
        """Deliver what is in these queues from now on, acked as soon as `on_body` returned."""
        self._on_body = on_body
        await self.request(spec.Basic.Qos(prefetch_count=prefetch))
        for queue in queues:
            await self.request(spec.Basic.Consume(queue=queue))

    async def close(self) -> None:
        await self.request(spec.Connection.Close(200, "done", 0, 0), channel=0)
        self._transport.close()

    async def handshake(self, url: URL) -> None:
        self._transport.write(ProtocolHeader().marshal())
        await self._answer()
        start = spec.Connection.StartOk(
            client_properties={"product": "notifier benchmark", "capabilities": _CAPABILITIES},
            mechanism="PLAIN",
            response=f"\0{url.user}\0{url.password}",
        )
        tune = cast(spec.Connection.Tune, await self.request(start, channel=0))
        tuned = spec.Connection.TuneOk(tune.channel_max, tune.frame_max, 0)
        self._transport.write(pamqp.frame.marshal(tuned, 0))
        await self.request(spec.Connection.Open(url.path.removeprefix("/")), channel=0)
        await self.request(spec.Channel.Open())
        await self.request(spec.Confirm.Select())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection to RabbitMQ is gone: {exc or 'closed'}")

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        while len(data) - at > FRAME.size:
            kind, _, size = FRAME.unpack_from(data, at)
            end = at + FRAME.size + size + len(FRAME_END)
            if end > len(data):
                break
            if kind == _METHOD_KIND:
                self._on_method(data, at, end)
            elif kind == BODY_KIND and self._on_body is not None:
                self._on_body(data, at + FRAME.size)
                self._delivered = self._tag
            at = end
        self._rest = data[at:]
        self._ack()
        self._changed.set()

    def _on_method(self, data: bytes, at: int, end: int) -> None:
        begin = at + FRAME.size
        (method,) = _METHOD.unpack_from(data, begin)
        if method == _DELIVER:
            (self._tag,) = _TAG.unpack_from(data, begin + 5 + data[begin + 4])
        elif method in (_ACK, _NACK):
            (tag,) = _TAG.unpack_from(data, begin + 4)
            self._settle(tag, is_multiple=bool(data[begin + 12] & 1), is_nack=method == _NACK)
        else:
            frame = cast(Frame, pamqp.frame.unmarshal(data[at:end])[2])
            if isinstance(frame, spec.Channel.Close | spec.Connection.Close):
                self._fail(f"RabbitMQ closed the channel: {frame.reply_text}")
            elif isinstance(frame, spec.Basic.Return):
                self._fail(f"RabbitMQ returned a message to {frame.routing_key!r}")
            self._answers.put_nowait(frame)

    def _settle(self, tag: int, *, is_multiple: bool, is_nack: bool) -> None:
        before = len(self._unconfirmed)
        if is_multiple:
            # In the order of their tags.
            for pending in list(itertools.takewhile(lambda each: each <= tag, self._unconfirmed)):
                del self._unconfirmed[pending]
        else:
            self._unconfirmed.pop(tag, None)
        if is_nack:
            self.refused += before - len(self._unconfirmed)

    def _ack(self) -> None:
        """One for all that came in this read."""
        if self._delivered > self._acked:
            self._acked = self._delivered
            ack = spec.Basic.Ack(delivery_tag=self._acked, multiple=True)
            self._transport.write(pamqp.frame.marshal(ack, CHANNEL))

    async def _change(self) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._changed.wait()
        except TimeoutError as error:
            raise BenchmarkError(f"RabbitMQ said nothing for {_TIMEOUT_S:g} s") from error
        if self._failure:
            raise BenchmarkError(self._failure)

    async def _answer(self) -> Frame:
        while self._answers.empty():
            await self._change()
        return self._answers.get_nowait()

    def _fail(self, why: str) -> None:
        self._failure = self._failure or why
        self._changed.set()


async def connect(url: str) -> Wire:
    """An open connection with confirms; amqp:// only."""
    address = URL(url)
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(Wire, str(address.host), int(address.port or 5672))
    await wire.handshake(address)
    return wire
