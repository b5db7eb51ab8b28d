"""Places where a test lets the process die. Disarmed, a place costs one comparison."""

from __future__ import annotations

import os
import signal
from pathlib import Path

VARIABLE = "NOTIFIER_FAILPOINT"
"""`PLACE@FILE`: die by SIGKILL at PLACE unless FILE exists; FILE is made first, so only once."""

_armed: tuple[str, Path] | None = None


def arm(text: str | None) -> None:
    global _armed
    if text:
        place, _, path = text.partition("@")
        _armed = (place, Path(path))


def pass_by(place: str) -> None:
    if _armed is None or _armed[0] != place:
        return
    try:
        _armed[1].touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
