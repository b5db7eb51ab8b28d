"""Connecting to a receiver, and to nobody else."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import NoReturn

from aiohappyeyeballs import start_connection

from notifier.channels.addresses import (
    AddressBlocked,
    GuardedResolver,
    Network,
    literal_address,
    may_reach,
)
from notifier.channels.http.connection import Connection, Lane
from notifier.channels.http.failure import EgressFailed
from notifier.channels.http.names import Names
from notifier.channels.lookup import Found, Resolver

NEXT_ADDRESS_AFTER_S = 0.25
"""Source: RFC 8305 section 5, the delay between attempts to connect."""
# What other programs read as an IPv4 address, in whatever spelling: octal, hexadecimal, short.
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE)


class Dialler:
    """allow: networks that may be reached though they are not public. hosts: names that may be
    called wherever they lead. resolver: the system's.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        resolver: Resolver,
        *,
        allow: tuple[Network, ...],
        hosts: frozenset[str],
    ) -> None:
        self._tls = tls
        self._allow = allow
        self._hosts = hosts
        self._names = Names(GuardedResolver(allow, hosts, system=resolver))

    async def dial(self, lane: Lane, *, on_lost: Callable[[Connection], None]) -> Connection:
        """A new one, TLS verified where there is any. Raises EgressFailed: nothing was sent."""
        sock = await self._connected(lane, await self._addresses(lane))
        try:
            check_peer(sock, lane.host, self._allow, self._hosts)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(lane, sock, on_lost=on_lost),
                sock=sock,
                ssl=self._tls if lane.is_tls else None,
                server_hostname=lane.host if lane.is_tls else None,
            )
        except BaseException as error:
            sock.close()
            if isinstance(error, OSError):
                _fail(lane, error)
            raise
        return connection

    async def close(self) -> None:
        await self._names.close()

    async def _addresses(self, lane: Lane) -> Sequence[Found]:
        literal = literal_address(lane.host)
        if literal is not None and not may_reach(literal, self._allow):
            raise EgressFailed("blocked", "the address may not be reached", perhaps_sent=False)
        if literal is None and _NUMBER.fullmatch(lane.host):
            detail = "has an address in a spelling that is not allowed"
            raise EgressFailed("bad_url", detail, perhaps_sent=False)
        try:
            if literal is not None:
                return _of_literal(lane)
            return await self._names.resolve(lane.host, lane.port)
        except AddressBlocked as error:
            raise EgressFailed("blocked", str(error), perhaps_sent=False) from None
        except OSError:
            detail = f"{lane.host} cannot be resolved"
            raise EgressFailed("dns", detail, perhaps_sent=False) from None

    async def _connected(self, lane: Lane, found: Sequence[Found]) -> socket.socket:
        kind = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        infos = [(each.family, *kind, each.address) for each in found]
        try:
            return await start_connection(infos, happy_eyeballs_delay=NEXT_ADDRESS_AFTER_S)
        except (OSError, RuntimeError) as error:
            _fail(lane, error)


def _of_literal(lane: Lane) -> Sequence[Found]:
    numeric = socket.AI_NUMERICHOST
    found = socket.getaddrinfo(lane.host, lane.port, type=socket.SOCK_STREAM, flags=numeric)
    return [Found(family=family, address=address) for family, _, _, _, address in found]


def check_peer(
    sock: socket.socket, host: str, allow: tuple[Network, ...], hosts: frozenset[str]
) -> None:
    """Raises AddressBlocked, also where nobody knows who the peer is."""
    try:
        peer = sock.getpeername()
    except OSError:
        raise AddressBlocked from None
    if not peer or not (host in hosts or may_reach(peer[0], allow)):
        raise AddressBlocked


def _fail(lane: Lane, error: Exception) -> NoReturn:
    """Only texts without a URL, whose query may carry a token, and without an address."""
    if isinstance(error, AddressBlocked):
        raise EgressFailed("blocked", str(error), perhaps_sent=False) from None
    where = f"{lane.host}:{lane.port}"
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or error.reason or "TLS failed"
        raise EgressFailed("tls", f"{where}: {reason}", perhaps_sent=False) from None
    number = getattr(error, "errno", None)
    reason = os.strerror(number) if number else "cannot be connected to"
    raise EgressFailed("connect", f"{where}: {reason}", perhaps_sent=False) from None
