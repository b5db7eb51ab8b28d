"""The paths where aiormq's bookkeeping costs more than the work itself: content and its acks.

Read by aiormq, a delivery costs four coroutine steps and a decoded header for each of its frames;
here it is three slices of what the socket gave. Handshake, TLS, heartbeat and requests stay
aiormq's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

import aiormq
import pamqp.frame
from aiormq.abc import URLorStr
from aiormq.channel import Channel
from aiormq.connection import TransportFactory
from pamqp import commands as spec
from yarl import URL

from notifier.broker.frames import (
    ACK,
    AROUND,
    BODY,
    DELIVER,
    END,
    FRAME_TYPES,
    HEAD,
    HEADER,
    HEARTBEAT,
    METHOD,
    NACK,
    RETURN,
    SIZE,
    TAG,
)

ALIVE_EVERY_S = 1.0


class Taker(Protocol):
    def take(self, kind: int, data: bytes, start: int, end: int) -> bool:
        """The payload of a frame; whether it is dealt with."""
        ...


class Inflow(asyncio.StreamReaderProtocol):
    """Gives the frames of some channels to their takers, and to aiormq what they do not take."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self.takers: dict[int, Taker] = {}
        self.transport: asyncio.Transport | None = None
        self._time = asyncio.get_running_loop().time
        self._passed_s = 0.0
        self._rest = b""
        self._is_amqp = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at, length, taken = 0, len(data), False
        while self._is_amqp and length - at >= AROUND:
            kind, channel, size = HEAD.unpack_from(data, at)
            end = at + size + AROUND
            if kind not in FRAME_TYPES:
                self._is_amqp = False
                break
            if end > length:
                break
            taker = self.takers.get(channel)
            if taker is not None and taker.take(kind, data, at + HEAD.size, end - 1):
                taken = True
            else:
                self._pass_on(data[at:end])
            at = end
        self._rest = data[at:]
        if not self._is_amqp:  # aiormq says what is wrong with it
            self._pass_on(self._rest)
            self._rest = b""
        if taken and self._time() - self._passed_s > ALIVE_EVERY_S:
            # A broker that has much to say sends no heartbeats, and aiormq saw none of it.
            self._pass_on(HEARTBEAT)

    def _pass_on(self, data: bytes) -> None:
        self._passed_s = self._time()
        super().data_received(data)


class DirectConnection(aiormq.Connection):
    """Whose channels may be direct."""

    inflow: Inflow

    def __init__(self, url: URLorStr, *, name: str) -> None:
        super().__init__(
            url, transport_factory=_Factory(self), client_properties={"connection_name": name}
        )

    def write(self, frames: bytes) -> None:
        """Whole frames, at once. What a connection that ends does not send is sent by nobody."""
        transport = self.inflow.transport
        if transport is not None and not transport.is_closing():
            transport.write(frames)


class _Factory(TransportFactory):
    def __init__(self, connection: DirectConnection) -> None:
        self._connection = connection

    async def create(
        self, url: URL, **options: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        provider = options["ssl_context_provider"]
        context = await provider.get_context() if url.scheme == "amqps" else None
        reader = asyncio.StreamReader()
        inflow = self._connection.inflow = Inflow(reader)
        host, port = url.host or "", url.port or 0
        transport, _ = await loop.create_connection(lambda: inflow, host, port, ssl=context)
        return reader, asyncio.StreamWriter(transport, inflow, reader, loop)


class DirectChannel(Channel):
    """Hands confirms and deliveries straight to us, without a future or a task for each.

    on_delivery: gets tag, redelivered, the payload of the content header, and the body.
    on_confirm: gets tag, multiple, and whether the broker accepts.
    on_return: gets the queue that a mandatory message did not find.
    """

    on_confirm: Callable[[int, bool, bool], None] | None = None
    on_delivery: Callable[[int, bool, bytes, bytes], None] | None = None
    on_return: Callable[[str], None] | None = None
    _content: tuple[int, bool] | str | None = None
    _header = b""
    _missing = 0
    _pieces: tuple[bytes, ...] = ()

    def take(self, kind: int, data: bytes, start: int, end: int) -> bool:
        if kind == METHOD:
            return self._method(data, start, end)
        if self._content is None:
            return False
        if kind == HEADER:
            self._header = data[start:end]
            (self._missing,) = SIZE.unpack_from(data, start + 4)
            self._pieces = ()
        elif kind == BODY:
            self._missing -= end - start
            self._pieces += (data[start:end],)
        if self._missing <= 0:
            self._complete(b"".join(self._pieces))
        return True

    def _method(self, data: bytes, start: int, end: int) -> bool:
        method = data[start : start + 4]
        if method == DELIVER:
            tag, redelivered = TAG.unpack_from(data, start + 5 + data[start + 4])
            self._content = (tag, bool(redelivered & 1))
        elif method in (ACK, NACK) and self.on_confirm is not None:
            tag, multiple = TAG.unpack_from(data, start + 4)
            self.on_confirm(tag, bool(multiple & 1), method == ACK)
        elif method == RETURN:
            frame = data[start - HEAD.size : end] + END
            returned = cast(spec.Basic.Return, pamqp.frame.unmarshal(frame)[2])
            self._content = returned.routing_key or ""
        else:
            return False
        return True

    def _complete(self, body: bytes) -> None:
        content, self._content = self._content, None
        self._pieces = ()
        if isinstance(content, str):
            if self.on_return is not None:
                self.on_return(content)
        elif content is not None and self.on_delivery is not None:
            self.on_delivery(*content, self._header, body)


async def open_channel(
    transport: DirectConnection, *, confirms: bool, timeout_s: float
) -> DirectChannel:
    number = max(transport.channels, default=0) + 1
    channel = DirectChannel(transport, number, publisher_confirms=confirms)
    transport.channels[number] = channel
    takers = transport.inflow.takers
    takers[number] = channel
    channel.closing.add_done_callback(lambda _: takers.pop(number, None))
    await channel.open(timeout=timeout_s)
    return channel


class Writer:
    """Writes what has gathered in a turn of the event loop, in one piece.

    collect: takes all frames that wait, in order; empty when there are none.
    """

    def __init__(self, transport: DirectConnection, collect: Callable[[], bytes]) -> None:
        self._transport = transport
        self._collect = collect
        self._loop = asyncio.get_running_loop()
        self._turn: asyncio.Handle | None = None
        self._is_over = False

    def wake(self) -> None:
        if self._turn is None and not self._is_over:
            self._turn = self._loop.call_soon(self._write)

    def finish(self) -> None:
        """Write what is left, then end."""
        self._write()
        self.abandon()

    def abandon(self) -> None:
        self._is_over = True
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _write(self) -> None:
        self._turn = None
        if self._is_over:
            return
        frames = self._collect()
        if frames:
            self._transport.write(frames)
