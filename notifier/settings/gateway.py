"""The gateway: where it listens, who may come, and how much at once."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from notifier.settings.section import Section


class Gateway(Section):
    enabled: bool = False
    """True: `run-consumers` has a gateway beside its consumers."""
    host: str = Field("127.0.0.1", min_length=1, max_length=255)
    """Where it listens."""
    port: int = Field(9501, ge=0, le=65535)
    """0 takes a free one."""
    processes: int = Field(1, ge=1, le=64)
    """How many share the port."""
    cert_file: Path | None = None
    """The certificate's chain (PEM); https and wss with it, http and ws without."""
    key_file: Path | None = None
    """The certificate's private key (PEM), in a file that nobody else can read."""
    allow_plaintext: bool = False
    """Listen on other addresses than loopback without cert_file; for a proxy that has one."""
    origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Pages that may open WebSockets and read answers, as https://shop.example, comma-separated;
    the gateway's own may always."""
    proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed,
    comma-separated."""
    body_kib: int = Field(4096, ge=16, le=65536)
    """The largest body of a request, KiB."""
    connections: int = Field(10_000, ge=1, le=1_000_000)
    """Most connections of one process; one more is answered with 503."""
    idle_s: int = Field(60, ge=1, le=3600)
    """How long a connection stays open between two requests, seconds."""

    @field_validator("origins", "proxies", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("proxies")
    @classmethod
    def _check_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(text)) for text in value)

    @field_validator("origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin!r} is no origin, as https://shop.example without a path")
        return value

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together; give both or none")
        if not (self.cert_file or self.allow_plaintext or _is_loopback(self.host)):
            raise ValueError(
                f"host {self.host} is no loopback address; give cert_file and key_file, "
                "or allow_plaintext behind a proxy that encrypts"
            )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
