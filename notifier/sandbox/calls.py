"""One HTTP call as the endpoints see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson


class Endpoint(StrEnum):
    """What the data port offers; the names that rules use."""

    TOKEN = "token"  # noqa: S105 - an endpoint's name
    STABLE_TOKEN = "stable_token"  # noqa: S105 - an endpoint's name
    TEMPLATE_SEND = "template_send"
    CLEAR_QUOTA = "clear_quota"
    WEBHOOK = "webhook"
    UNKNOWN = "unknown"


_PATHS = {
    "/cgi-bin/token": Endpoint.TOKEN,
    "/cgi-bin/stable_token": Endpoint.STABLE_TOKEN,
    "/cgi-bin/message/template/send": Endpoint.TEMPLATE_SEND,
    "/cgi-bin/clear_quota": Endpoint.CLEAR_QUOTA,
}


class NotJson:
    """The type of the message of a call whose body is no JSON."""


NOT_JSON: Final = NotJson()


@dataclass(slots=True, kw_only=True)
class Call:
    """A request, read completely.

    body: None if it was longer than any endpoint accepts.
    message: the body parsed, or NOT_JSON.
    received_at: epoch seconds at which the request's first byte was received.
    """

    endpoint: Endpoint
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None
    message: Any
    is_https: bool
    remote_ip: str
    received_at: float

    def text(self, name: str) -> str | None:
        """A text field of the JSON message, else None."""
        value = self.message.get(name) if isinstance(self.message, dict) else None
        return value if isinstance(value, str) else None

    @property
    def webhook_id(self) -> str | None:
        """The header of that name, if there is anything in it."""
        return plain_text(self.headers.get("webhook-id", "")) or None

    def keys(self) -> dict[str, str]:
        """What rules may look at, apart from the shown values."""
        named = {
            "path": self.path,
            "openid": self.text("touser"),
            "template_id": self.text("template_id"),
            "client_msg_id": self.text("client_msg_id"),
            "webhook_id": self.webhook_id,
        }
        return {name: value for name, value in named.items() if value is not None}

    def shown_texts(self) -> Iterator[str]:
        """The texts that the message shows its reader, the order's number among them."""
        data = self.message.get("data") if isinstance(self.message, dict) else None
        for value in data.values() if isinstance(data, dict) else ():
            text = value.get("value") if isinstance(value, dict) else value
            if isinstance(text, str | int):
                yield str(text)


def endpoint_of(path: str) -> Endpoint:
    """The endpoint behind a path."""
    if path.startswith("/webhook/"):
        return Endpoint.WEBHOOK
    return _PATHS.get(path, Endpoint.UNKNOWN)


def plain_text(received: str) -> str:
    """A header or path as text that can be written, whatever bytes it was made of."""
    if received.isascii():
        return received
    return received.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@lru_cache(maxsize=1024)
def query_of(raw: str) -> Mapping[str, str]:
    """A query string's parameters, the first of each name; remembered, as tokens repeat."""
    pairs = parse_qsl(raw, keep_blank_values=True)
    return MappingProxyType(dict(reversed(pairs)))


def message_of(body: bytes | None) -> Any:
    """The parsed body, or NOT_JSON."""
    if not body:
        return NOT_JSON
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_JSON
