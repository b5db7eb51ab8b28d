"""The values that a notification carries: a JSON object of bounded size and depth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from math import isfinite

from notifier.domain.order import shorten
from notifier.errors import InvalidInput

LARGEST = 64 * 1024
"""Bytes of JSON in UTF-8."""
DEEPEST = 16
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_payload(text: str | bytes) -> dict[str, object]:
    """Read JSON strictly: no key twice, no NaN. Raises InvalidInput."""
    if len(text) > LARGEST * 2:
        raise InvalidInput("payload", f"is larger than {LARGEST} bytes; send a reference instead")
    return check_payload(strict_json("payload", text))


def strict_json(field: str, text: str | bytes) -> object:
    """Raises InvalidInput that says where it stops being JSON."""
    try:
        return json.loads(text, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            field, f"is no JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise InvalidInput(field, f"is nested deeper than {DEEPEST}") from None
    except ValueError as error:  # a key twice, NaN, a number of thousands of digits, no UTF-8
        raise InvalidInput(field, f"is no JSON: {error}") from None


def check_payload(value: object) -> dict[str, object]:
    """Raises InvalidInput that names the place, as `payload.items[3].price`."""
    if not isinstance(value, Mapping):
        raise InvalidInput(
            "payload", f"is a JSON {_kind(value)}, not an object such as {{'amount': '12.50'}}"
        )
    for place, fault in _faults("payload", value, depth=1):
        raise InvalidInput(place, fault)
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > LARGEST:
        raise InvalidInput(
            "payload", f"has {size} bytes, at most {LARGEST}; send a reference instead"
        )
    return dict(value)


def _faults(place: str, value: object, *, depth: int) -> Iterator[tuple[str, str]]:
    """(where, what); lazily, so that the first one ends the search."""
    if isinstance(value, dict | list) and depth > DEEPEST:
        yield place, f"is nested deeper than {DEEPEST}"
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield place, f"has the key {key!r}, which is no text"
                return
            yield from _text_faults(place, key)
            yield from _faults(f"{place}.{key}", item, depth=depth + 1)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _faults(f"{place}[{number}]", item, depth=depth + 1)
    else:
        yield from _scalar_faults(place, value)


def _scalar_faults(place: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield from _text_faults(place, value)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            yield place, "is a number of more than 64 bits; send it as text"
    elif isinstance(value, float):
        if not isfinite(value):
            yield place, f"is {value}, which JSON cannot say"
    else:
        yield place, f"is {_kind(value)} {shorten(str(value))}, which JSON cannot say; send text"


def _text_faults(place: str, text: str) -> Iterator[tuple[str, str]]:
    if _SURROGATE.search(text):
        yield place, "has half a character (a lone surrogate)"


def _kind(value: object) -> str:
    names = {list: "array", str: "text", int: "number", float: "number", bool: "true or false"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {shorten(key)} is there twice")
        found[key] = value
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")
