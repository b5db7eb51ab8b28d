"""The socket of the gateways: bound once, so that a process can be replaced without a gap."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from notifier.wiring.listening import bound


@contextmanager
def listening(
    address: tuple[str, int] | None, say: Callable[[str], None]
) -> Iterator[socket.socket | None]:
    """Listen while the body runs; port 0 takes a free one. Raises NotifierError."""
    if address is None:
        yield None
        return
    with bound(*address) as listener:
        host, port = listener.getsockname()[:2]
        say(f"gateway on {f'[{host}]' if ':' in host else host}:{port}")
        yield listener
