"""What the sandbox answers: a value that is decided in pure code and delivered at the edge."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

JSON = "application/json; encoding=utf-8"

# Source: WeChat's page of global return codes, and the texts clients report.
ERRMSGS: Mapping[int, str] = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40033: r"invalid charset. please check your request, if include \uxxxx will create fail!",
    40037: "invalid template_id",
    40066: "invalid url",
    40125: "invalid appsecret",
    40164: "invalid ip, not in whitelist",
    40243: "appsecret is frozen",
    40249: "this template msg has been blocked for illegal content",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43003: "require https",
    43004: "require subscribe",
    43019: "require remove blacklist",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    48006: "forbid to clear quota because of reaching the limit",
}


class Delivery(Enum):
    """How an answer leaves."""

    WHOLE = "written at once"
    DRIPPED = "written slowly, byte by byte"
    RESET = "not written: the connection is reset"
    HUNG = "not written: the connection stays open and silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer.

    row: the effect (or the repeat of one) that must be on disk before this is delivered.
    code: WeChat's errcode or the HTTP status of a webhook, for the counters.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    code: int | str = 0
    row: Mapping[str, Any] | None = None
    delivery: Delivery = Delivery.WHOLE
    bytes_per_s: int = 0
    is_last: bool = False
    """Close the connection afterwards, without having said so."""


def accepted(payload: Mapping[str, Any], row: Mapping[str, Any] | None = None) -> Answer:
    """A success with this JSON."""
    return Answer(body=orjson.dumps(payload), row=row)


def refused(errcode: int, detail: str = "", *, status: int = 200) -> Answer:
    """A refusal, its text ending in a request id as WeChat's does."""
    text = ERRMSGS.get(errcode, "error")
    message = f"{text}{' ' if detail else ''}{detail} rid: {_rid()}"
    body = orjson.dumps({"errcode": errcode, "errmsg": message})
    return Answer(body=body, status=status, code=errcode)


def _rid() -> str:
    high, low = random.getrandbits(32), random.getrandbits(32)
    return f"{int(time.time()):08x}-{high:08x}-{low:08x}"
