"""Where MySQL is, and how a way to it is trusted."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from notifier.errors import SettingsError

URL_FORM = (
    "[mysql] url: must be mysql://user:password@host:port/database, with %-escapes "
    "for / # ? @ in the password"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlOptions:
    """url: mysql://user:password@host:port/database. statement_timeout_s: seconds."""

    url: str
    ca_file: Path | None = None
    allow_plaintext: bool = False
    pool_size: int = 4
    statement_timeout_s: float = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    host: str
    port: int
    user: str
    password: str
    database: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_url(url: str) -> Address:
    """Raises SettingsError; its text never holds the password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError:
        raise SettingsError(URL_FORM) from None
    if parts.scheme != "mysql" or not parts.hostname or not parts.path.strip("/"):
        raise SettingsError(URL_FORM)
    return Address(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.strip("/"),
    )


def tls_context(options: MysqlOptions, address: Address) -> ssl.SSLContext | None:
    """Raises SettingsError where the way to the server would be neither verified nor local."""
    if options.ca_file is not None:
        return ssl.create_default_context(cafile=str(options.ca_file))
    if options.allow_plaintext or _is_loopback(address.host):
        return None
    raise SettingsError(
        f"[mysql] ca_file: {address} is not this machine; name the CA that signed its certificate, "
        "or set allow_plaintext = true where the network itself is trusted"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
