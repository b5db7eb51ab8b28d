"""Reading the bodies of requests."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from starlette.requests import ClientDisconnect, Request

from notifier.domain.moment import parse_duration, parse_moment
from notifier.domain.order import shorten
from notifier.domain.payload import strict_json
from notifier.errors import InvalidInput
from notifier.gateway.problem import Problem


async def read_object(request: Request, *, known: tuple[str, ...] = ()) -> dict[str, object]:
    """The JSON object in the body, {} where it is empty. known: its only fields; (): any.

    Raises InvalidInput, Problem 413, 415.
    """
    body = await read_body(request)
    if not body:
        return {}
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if kind.lower() != "application/json":
        raise Problem(
            415, f"content-type {kind[:64]!r} is not read; send `Content-Type: application/json`"
        )
    document = strict_json("body", body)
    if not isinstance(document, dict):
        raise InvalidInput("body", "is no JSON object, as {…}")
    for name in document:
        if known and name not in known:
            raise InvalidInput(str(name), f"there is no such field; there are {', '.join(known)}")
    return document


async def read_body(request: Request) -> bytes:
    """A slow one is cut off by the connection. Raises Problem 413."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise Problem(400, "the connection ended before the body did") from None


def text_of(
    document: dict[str, object], name: str, default: str = "", *, longest: int = 2048
) -> str:
    """Raises InvalidInput."""
    value = document.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise InvalidInput(name, f"{shorten(str(value))} is no text; put it in quotes")
    if len(value) > longest:
        raise InvalidInput(name, f"has {len(value)} characters, at most {longest}")
    return value


def flag_of(document: dict[str, object], name: str) -> bool:
    """Raises InvalidInput."""
    value = document.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidInput(name, f"{shorten(str(value))} is neither true nor false")
    return value


def count_of(document: dict[str, object], name: str, default: int, *, most: int) -> int:
    """Raises InvalidInput."""
    value = document.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidInput(name, f"{shorten(str(value))} is no number from 1 to {most}")
    return value


def duration_of(document: dict[str, object], name: str) -> timedelta | None:
    """`10m`, or seconds. Raises InvalidInput."""
    text = _text_or_number(document, name)
    return None if text is None else parse_duration(name, text)


def moment_of(document: dict[str, object], name: str, zone: tzinfo) -> datetime | None:
    """Raises InvalidInput."""
    text = _text_or_number(document, name)
    return None if text is None else parse_moment(name, text, zone)


def _text_or_number(document: dict[str, object], name: str) -> str | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidInput(name, f"{shorten(str(value))} is neither text nor a number")
    return value if isinstance(value, str) else f"{value}"
