"""How many are connected, counted over several gateways: a user may be at two of them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

_SIZE = 8
"""Bytes of a name's mark: of a million names no two have the same one."""


def marks_of(names: Iterable[str]) -> str:
    """By which another one counts equal names once."""
    marks = b"".join(blake2b(name.encode(), digest_size=_SIZE).digest() for name in names)
    return b64encode(marks).decode()


def counted(gateways: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """gateways: their answers to who asked for no list. unacknowledged: pushes."""
    return {
        "gateways": len(gateways),
        "clients": sum(one["count"]["clients"] for one in gateways),
        "users": _together(one["marks"]["users"] for one in gateways),
        "topics": _together(one["marks"]["topics"] for one in gateways),
        "unacknowledged": sum(one["count"]["unacknowledged"] for one in gateways),
    }


def _together(texts: Iterable[str]) -> int:
    different = set[bytes]()
    for text in texts:
        marks = b64decode(text)
        different.update(marks[start : start + _SIZE] for start in range(0, len(marks), _SIZE))
    return len(different)
