"""Exit codes of the fleet's processes. Source: sysexits.h and timeout(1)."""

from __future__ import annotations

import signal
from enum import IntEnum


class Exit(IntEnum):
    DRAINED = 0
    """Asked to end; nothing was left in flight."""
    BROKEN = 1
    """An error that nobody expected."""
    AWAY = 75
    """A server does not answer; waiting mends it, so this death does not count."""
    MISCONFIGURED = 78
    """The settings are wrong; starting again is pointless."""
    CUT = 124
    """Asked to end, and the deadline came before the last attempt was done."""


def describe(code: int) -> str:
    """An exit code, or minus a signal's number, for people."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    names = {item.value: item.name.lower() for item in Exit}
    return f"exit code {code} ({names[code]})" if code in names else f"exit code {code}"
