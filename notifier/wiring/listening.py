"""What the gateway needs of its host: a port, and a certificate with its key."""

from __future__ import annotations

import socket
import ssl

from notifier.errors import NotifierError, SettingsError
from notifier.settings import Gateway

BACKLOG = 2048
"""Connections that wait while a gateway starts; the kernel's net.core.somaxconn may allow fewer."""


def bound(host: str, port: int) -> socket.socket:
    """Raises NotifierError from the OSError."""
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise _refusal(host, port, error) from error


def try_port(host: str, port: int) -> None:
    """Nobody is let in meanwhile, and who tries the same at this moment is not in the way.

    Raises NotifierError from the OSError.
    """
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        raise _refusal(host, port, error) from error


def _refusal(host: str, port: int, error: OSError) -> NotifierError:
    return NotifierError(
        f"the gateway cannot listen on {host} port {port}: {error.strerror}; "
        "set [gateway] host and port (NOTIFIER_GATEWAY_HOST, NOTIFIER_GATEWAY_PORT)"
    )


def tls_of(gateway: Gateway) -> ssl.SSLContext | None:
    """Raises SettingsError where they cannot be read, or do not belong together."""
    if gateway.cert_file is None or gateway.key_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(gateway.cert_file, gateway.key_file)
    except OSError as error:  # ssl.SSLError among them
        raise SettingsError(
            f"[gateway] cert_file {gateway.cert_file}, key_file {gateway.key_file}: {error}"
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    return context
