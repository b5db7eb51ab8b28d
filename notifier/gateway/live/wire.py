"""A WebSocket connection that can be written to by whoever has something for it, in one step.

Uvicorn's own way leads through a task and a queue for each client; a topic's message to a thousand
of them is here a thousand writes of the same bytes.
"""

from __future__ import annotations

import random
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from notifier.gateway.live.frames import Frame
from notifier.gateway.live.session import Close

EXTENSION = "notifier.wire"
"""Where an ASGI scope has it."""
LEAVING_PER_S = 1000
LONGEST_LEAVE_S = 5.0
CLOSE_S = 5.0
"""For the client to answer a close; one that does not read is cut off then."""
MOST_PIECES = 1024
"""Of one message."""
MOST_UNREAD = 1024 * 1024
"""Bytes. A client that leaves so much unread has no answer to its pings."""


class Wire(WebSocketsSansIOProtocol):
    """Implements `notifier.gateway.live.session.Peer`."""

    scope: Any

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # the task that reads the scope has not run yet
            self.scope["extensions"][EXTENSION] = self

    def handle_ping(self) -> None:
        answer = b"".join(self.conn.data_to_send())
        if self.waiting() < MOST_UNREAD:
            self.transport.write(answer)

    def handle_cont(self, event: Any) -> None:
        if len(self.frames) < MOST_PIECES:
            super().handle_cont(event)
        else:
            self.close(Close.TOO_LARGE, "too many pieces")

    def handle_parser_exception(self) -> None:
        """Too large, or no WebSocket's. Who still sends is listened to until he has read why:

        a socket that is closed with something unread in it takes back what was written last.
        """
        if self.close_sent:
            if self.conn.close_rcvd is not None:
                self.transport.close()
            return
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._part(Close.TOO_LARGE, "")

    def shutdown(self) -> None:
        """Ask the client to come again, elsewhere; not all at once."""
        spread_s = min(len(self.connections) / LEAVING_PER_S, LONGEST_LEAVE_S)
        self.loop.call_later(
            random.random() * spread_s,  # noqa: S311
            self._leave,
        )

    def _leave(self) -> None:
        if self._is_open():
            self.close(Close.RECONNECT, "reconnect")
        elif not self.close_sent:
            self.transport.close()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(CLOSE_S, self.transport.abort)

    def write(self, frame: Frame) -> None:
        if self._is_open():
            self.transport.write(frame.websocket)

    def waiting(self) -> int:
        return self.transport.get_write_buffer_size()

    def close(self, code: int, reason: str) -> None:
        if not self._is_open():
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._part(code, reason)

    def _part(self, code: int, reason: str) -> None:
        """The client closes, or is cut off."""
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_S, self.transport.abort)

    def _is_open(self) -> bool:
        return (
            self.handshake_complete
            and not self.close_sent
            and not self.disconnected
            and not self.transport.is_closing()
        )
