"""What a piece of work costs: of this process, of the server, and on the clock."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic, process_time
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one notification: CPU of this process and of the server, and time; µs, medians."""

    what: str
    ours_us: float
    server_us: float
    took_us: float


class Meter:
    """Adds up what each kind of work costs, round by round."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._found: dict[str, list[tuple[float, float, float]]] = {}

    async def take(self, what: str, do: Awaitable[Result], count: int) -> Result:
        before = process_time(), await self._server_s(), monotonic()
        ours_s = process_time()
        result = await do
        ours_s, took_s = process_time() - ours_s, monotonic() - before[2]
        server_s = await self._server_s() - before[1]
        each = tuple(1e6 * spent / count for spent in (ours_s, server_s, took_s))
        self._found.setdefault(what, []).append(each)  # type: ignore[arg-type]
        return result

    def costs(self) -> list[Cost]:
        """Without the first round, in which everything is new."""
        found = []
        for what, rounds in self._found.items():
            ours, server, took = (median(one[at] for one in rounds[1:]) for at in range(3))
            found.append(Cost(what=what, ours_us=ours, server_us=server, took_us=took))
        return found

    async def _server_s(self) -> float:
        """When it has come to rest: what it tidies up later is part of what it was asked for."""
        spent = -1.0
        while spent != (spent := _cpu_s(self._server)):  # noqa: ASYNC110
            await asyncio.sleep(0.3)
        return spent


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
