"""Names of live topics, and who may follow which."""

from __future__ import annotations

import re
from collections.abc import Iterable

from notifier.domain.order import shorten
from notifier.errors import InvalidInput

EVERY = "*"
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:/@-]{0,127}")
_PATTERN = re.compile(r"(?:[0-9A-Za-z][0-9A-Za-z._:/@-]{0,127})?\*?")
MOST_PATTERNS = 32


def check_topic(name: object) -> str:
    """Raises InvalidInput."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(
            "topic", f"{shorten(str(name))} is no topic: 1 to 128 letters, digits or ._:/@-"
        )
    return name


def check_patterns(patterns: Iterable[object]) -> tuple[str, ...]:
    """Topics, each of which may end in `*`. Raises InvalidInput."""
    checked = tuple(patterns)
    if len(checked) > MOST_PATTERNS:
        raise InvalidInput("topics", f"are {len(checked)}, at most {MOST_PATTERNS}; use order:*")
    for pattern in checked:
        if not isinstance(pattern, str) or not pattern or not _PATTERN.fullmatch(pattern):
            raise InvalidInput(
                "topics", f"{shorten(str(pattern))} is no topic such as order:17, order:* or *"
            )
    return tuple(str(pattern) for pattern in checked)


def may_follow(topic: str, patterns: Iterable[str]) -> bool:
    return any(
        topic.startswith(pattern[:-1]) if pattern.endswith(EVERY) else topic == pattern
        for pattern in patterns
    )
