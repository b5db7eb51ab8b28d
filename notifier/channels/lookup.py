"""Names to addresses, each lookup in a thread of its own.

The event loop's own threads are few and serve everybody: four names whose servers do not answer
would hold back every other name, and whatever else waits for a thread.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

MOST_AT_ONCE = 64
LookUp = Callable[..., list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An address of a host. family: AF_INET or AF_INET6. address: what the socket connects to."""

    family: int
    address: tuple[Any, ...]

    @property
    def host(self) -> str:
        return str(self.address[0])


class Resolver(Protocol):
    """Whoever knows the addresses of a name."""

    async def resolve(self, host: str, port: int) -> list[Found]:
        """Raises OSError."""
        ...


class ThreadedLookup:
    """As the system resolves, IPv4 and IPv6.

    A lookup that nobody waits for any more ends when the system gives it up; the process does not
    wait for it. most: under way at once; what is too many fails.
    """

    def __init__(self, *, most: int = MOST_AT_ONCE, look_up: LookUp = socket.getaddrinfo) -> None:
        self._most = most
        self._look_up = look_up
        self._under_way = 0

    async def resolve(self, host: str, port: int) -> list[Found]:
        """Raises OSError."""
        if self._under_way >= self._most:
            raise OSError(f"{self._most} lookups are under way")
        return [
            Found(family=family, address=address)
            for family, _, _, _, address in await self._ask(host, port)
        ]

    def _ask(self, host: str, port: int) -> asyncio.Future[list[Any]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Any]] = loop.create_future()

        def work() -> None:
            found: list[Any] | OSError
            try:
                found = self._look_up(host, port, socket.AF_UNSPEC, socket.SOCK_STREAM)
            except (OSError, ValueError) as error:
                found = error if isinstance(error, OSError) else OSError(str(error))
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(self._tell, future, found)

        self._under_way += 1
        threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
        return future

    def _tell(self, future: asyncio.Future[list[Any]], found: list[Any] | OSError) -> None:
        self._under_way -= 1
        if future.done():
            return
        if isinstance(found, OSError):
            future.set_exception(found)
        else:
            future.set_result(found)
