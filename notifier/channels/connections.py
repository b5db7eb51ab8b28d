"""How the outbound client's connections differ from the HTTP library's."""

from __future__ import annotations

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection

from notifier.channels.addresses import AddressBlocked, Network, may_reach


class Response(aiohttp.ClientResponse):
    """Given up, it drops its connection at once: a silent peer would not say farewell either."""

    def close(self) -> None:
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        super().close()


def request_class(allow: tuple[Network, ...], hosts: frozenset[str]) -> type[aiohttp.ClientRequest]:
    """Requests that look once more whom they are connected to, before their first byte."""

    class Request(aiohttp.ClientRequest):
        @property
        def connection_key(self) -> ConnectionKey:
            # Two receivers on one host share no connection: what one of them leaves in it would be
            # read as the other's answer. Without a proxy this part of the key is free.
            key = super().connection_key
            return key._replace(proxy_headers_hash=hash(self.url.raw_path))

        async def send(self, conn: Connection) -> aiohttp.ClientResponse:
            check_peer(conn, self.url.raw_host or "", allow, hosts)
            return await super().send(conn)

    return Request


def check_peer(
    connection: Connection, host: str, allow: tuple[Network, ...], hosts: frozenset[str]
) -> None:
    """Raises AddressBlocked, also where nobody knows who the peer is."""
    transport = connection.transport
    peer = transport.get_extra_info("peername") if transport is not None else None
    if not peer or not (host in hosts or may_reach(peer[0], allow)):
        raise AddressBlocked
