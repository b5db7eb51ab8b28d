"""One connection to a receiver: one request at a time, and the answer to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from math import inf
from typing import NamedTuple, cast

from notifier.channels.http.answer import Incoming
from notifier.channels.http.failure import EgressFailed

CLOCK_STEP_S = 0.001
"""The loop's timers count in milliseconds."""


class Lane(NamedTuple):
    """Requests of one lane may use the same connection, one after the other.

    tenant: an endpoint's name, so that no two of them share one though they live on one host; ""
    for URLs that nobody registered.
    """

    is_tls: bool
    host: str
    port: int
    tenant: str


class Connection(asyncio.Protocol):
    """sock: of its transport; only looked at here. on_lost: called once, when it has ended."""

    __slots__ = (
        *("is_open", "lane"),
        *("_alarm", "_alarm_at", "_ends_at", "_incoming", "_loop", "_on_lost", "_sock"),
        *("_transport", "_waiter"),
    )

    def __init__(
        self, lane: Lane, sock: socket.socket, *, on_lost: Callable[[Connection], None]
    ) -> None:
        self.lane = lane
        self.is_open = True
        self._sock = sock
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._incoming: Incoming | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._ends_at = inf
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = inf

    async def exchange(self, request: bytes, *, ends_at: float) -> Incoming:
        """Send it and wait for its answer. ends_at: by the loop's clock.

        Closed afterwards unless the answer says that it can go on. Cancelled: closed. Raises
        EgressFailed where nothing was sent.
        """
        if not self.is_open:  # it spoke first, or has gone already
            raise EgressFailed("reset", "the connection ended at once", perhaps_sent=False)
        incoming = self._incoming = Incoming()
        waiter = self._waiter = self._loop.create_future()
        self._ends_at = ends_at
        if ends_at < self._alarm_at:
            self._set_alarm()
        can_follow = False
        try:
            self._transport.write(request)
            await waiter
            can_follow = incoming.can_follow and not self._transport.get_write_buffer_size()
        finally:
            incoming.stop("reset")
            self._incoming = self._waiter = None
            if not can_follow:
                self.abort()
        return incoming

    def is_quiet(self) -> bool:
        """Open as far as anybody can know, and without a byte that nobody asked for.

        The system is asked, not the loop: what came a moment ago is still to be read.
        """
        if not self.is_open or self._transport.is_closing():
            return False
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def abort(self) -> None:
        """At once: a silent peer would not say farewell either."""
        self.is_open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._incoming is None or self._incoming.is_over:
            # Said without being asked: it could be taken for the answer to the next request.
            self.abort()
        elif self._incoming.feed(data):
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if exc is not None:
            self._stop("reset")
        elif self._incoming is not None:
            self._incoming.end()
            self._wake()
        if self._alarm is not None:
            self._alarm.cancel()
        self._on_lost(self)

    def _set_alarm(self) -> None:
        """One serves many requests: most are over long before their time."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = self._ends_at
        self._alarm = self._loop.call_at(self._alarm_at, self._look_at_the_time)

    def _look_at_the_time(self) -> None:
        self._alarm, self._alarm_at = None, inf
        if self._incoming is None:
            return
        if self._loop.time() < self._ends_at - CLOCK_STEP_S:
            self._set_alarm()
        else:
            self._stop("timeout")

    def _stop(self, why: str) -> None:
        if self._incoming is not None:
            self._incoming.stop(why)
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
