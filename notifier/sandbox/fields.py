"""Which values WeChat takes for the fields of a template."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

# Longest value, in characters, by the kind that a typed key begins with. Source: WeChat's page on
# template messages' typed parameters; keywordN and other free keys have no stated limit.
_LONGEST = {
    "thing": 20,
    "character_string": 32,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "phone_number": 17,
    "car_number": 8,
    "const": 20,
    "phrase": 5,
    "name": 20,
}


def first_invalid(data: Any, required: Iterable[str]) -> str | None:
    """The first key, in the template's order, whose value is missing or too long."""
    for key in required:
        entry = data.get(key) if isinstance(data, dict) else None
        value = entry.get("value") if isinstance(entry, dict) else None
        if value is None or value == "" or len(str(value)) > _longest(key):
            return key
    return None


@lru_cache(maxsize=1024)
def _longest(key: str) -> int:
    return _LONGEST.get(key.rstrip("0123456789"), 1_000_000)
