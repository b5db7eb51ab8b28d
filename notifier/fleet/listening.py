"""The socket of the gateways: bound once, so that a process can be replaced without a gap."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from notifier.errors import NotifierError

BACKLOG = 2048
"""Connections that wait while a gateway starts; the kernel's net.core.somaxconn may allow fewer."""


@contextmanager
def listening(
    address: tuple[str, int] | None, say: Callable[[str], None]
) -> Iterator[socket.socket | None]:
    """Listen while the body runs; port 0 takes a free one. Raises NotifierError."""
    if address is None:
        yield None
        return
    with _bound(*address) as listener:
        host, port = listener.getsockname()[:2]
        say(f"gateway on {f'[{host}]' if ':' in host else host}:{port}")
        yield listener


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise NotifierError(
            f"the gateway cannot listen on {host} port {port}: {error.strerror}; "
            "set [gateway] host and port (NOTIFIER_GATEWAY_HOST, NOTIFIER_GATEWAY_PORT)"
        ) from error
