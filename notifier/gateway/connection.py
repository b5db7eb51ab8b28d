"""One HTTP connection: bounded in its headers and its patience, and gentle at the end."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LEAVING_S = 1.0
"""How long a connection without a request is kept when the process drains: one may be under way."""
REQUEST_S = 30.0
"""For a whole request to arrive, from its first byte or from the connection's beginning."""
HEADER_BYTES = 32 * 1024


class Connection(HttpToolsProtocol):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._is_leaving = False
        self._header_bytes = 0
        self._patience: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request_is_here()
        self._is_read_again()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """It does not read what it is sent; for so long it may."""
        super().pause_writing()
        if self.config.ws_ping_timeout:
            self._stuck = self.loop.call_later(self.config.ws_ping_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        self._is_read_again()
        super().resume_writing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        if self._patience is None:
            self._wait_for_request()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_message_complete(self) -> None:
        self._request_is_here()
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._is_leaving and self.cycle is not None:
            self.cycle.keep_alive = False

    def handle_websocket_upgrade(self) -> None:
        self._request_is_here()
        super().handle_websocket_upgrade()

    def shutdown(self) -> None:
        """End after the request that is under way, or may be."""
        self._is_leaving = True
        if self._is_idle():
            self.loop.call_later(LEAVING_S, self._close_if_idle)
        else:
            super().shutdown()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_if_idle(self) -> None:
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()

    def _wait_for_request(self) -> None:
        self._patience = self.loop.call_later(REQUEST_S, self.transport.close)

    def _request_is_here(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _is_read_again(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > HEADER_BYTES and not self.transport.is_closing():
            self.transport.abort()
