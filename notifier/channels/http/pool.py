"""Connections that wait for their next request."""

from __future__ import annotations

import asyncio

from notifier.channels.http.connection import Connection, Lane

MOST_IDLE = 256
"""Of all receivers: each is an open file. The one that has waited longest makes room."""

SHORTEST_REST_S = 0.1


class Pool:
    """Two requests share a connection only one after the other and only in one lane, so whoever
    answers one of them is asked the other as well; and since any byte that is left over ends the
    connection, what one answer leaves behind is never read as the next one.

    keep_alive_s: how long one waits here.
    """

    def __init__(self, *, keep_alive_s: float, most_idle: int = MOST_IDLE) -> None:
        self._keep_alive_s = keep_alive_s
        self._most_idle = most_idle
        self._lanes: dict[Lane, list[Connection]] = {}
        self._idle_since: dict[Connection, float] = {}  # the oldest first
        self._open: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, connection: Connection) -> None:
        """A new one, in use; known until it is lost."""
        self._open.add(connection)

    def take(self, lane: Lane) -> Connection | None:
        """The one that was used last, if it is still good."""
        idle = self._lanes.get(lane)
        while idle:
            connection = idle.pop()
            del self._idle_since[connection]
            if connection.is_quiet():
                return connection
            connection.abort()
        return None

    def keep(self, connection: Connection) -> None:
        """Its request is over."""
        loop = asyncio.get_running_loop()
        self._lanes.setdefault(connection.lane, []).append(connection)
        self._idle_since[connection] = loop.time()
        if len(self._idle_since) > self._most_idle:
            self._drop(next(iter(self._idle_since)))
        if self._timer is None:
            self._timer = loop.call_later(self._keep_alive_s, self._sweep)

    def forget(self, connection: Connection) -> None:
        """It is lost, by whomever."""
        self._open.discard(connection)
        if self._idle_since.pop(connection, None) is not None:
            self._lanes[connection.lane].remove(connection)

    def close(self) -> None:
        """Those in use as well."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._lanes.clear()
        self._idle_since.clear()
        for connection in list(self._open):
            connection.abort()

    def _drop(self, connection: Connection) -> None:
        self.forget(connection)
        connection.abort()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._keep_alive_s
        for connection, since in list(self._idle_since.items()):
            if since > oldest:
                break
            self._drop(connection)
        self._lanes = {lane: idle for lane, idle in self._lanes.items() if idle}
        self._timer = None
        if self._idle_since:
            next_at = next(iter(self._idle_since.values())) + self._keep_alive_s
            self._timer = loop.call_at(max(next_at, loop.time() + SHORTEST_REST_S), self._sweep)
