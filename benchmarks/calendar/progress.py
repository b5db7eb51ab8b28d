"""What is being done, for whoever waits."""

from __future__ import annotations

import sys
from collections.abc import Callable

Progress = Callable[[str], None]


def say(what: str) -> None:
    print(what, file=sys.stderr)
