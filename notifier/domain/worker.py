"""What a process of the fleet runs, and what it says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """Counts since the process started; a monitor takes the differences.

    lateness_ms: the newest few thousand first-attempt-to-last latenesses in ms, then forgotten.
    """

    in_flight: int = 0
    sent: int = 0
    retried: int = 0
    dead: int = 0
    cancelled: int = 0
    unknown: int = 0
    released: int = 0
    published: int = 0
    last_error: str = ""
    lateness_ms: tuple[float, ...] = ()


class Worker(Protocol):
    async def run(self, *, ready: Callable[[], None], draining: asyncio.Event) -> None:
        """Connect, call `ready` once, work until `draining` is set, finish what is in flight.

        Raises NotifierError where it cannot go on; the process then ends and is restarted.
        """
        ...

    def report(self) -> WorkerReport:
        """A snapshot; cheap, called every heartbeat."""
        ...
