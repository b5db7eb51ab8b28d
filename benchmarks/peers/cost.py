"""What processes have taken: processor time and memory, as Linux has them in /proc."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from notifier.stack.process import process_tree

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6
OWN_TITLE = "notifier: "
"""How the titles of a fleet's processes begin; the rest says what each of them does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """told: how many until then. cpu_s: since each began. rss_mb: resident, 10**6 bytes.

    own: the contestant's processes by name; servers: all that others are.
    """

    told: int
    own: Mapping[str, float]
    servers: Mapping[str, float]
    rss_mb: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds of processor time per notification, by process."""

    own: Mapping[str, float]
    servers: Mapping[str, float]

    @property
    def own_us(self) -> float:
        return sum(self.own.values())

    @property
    def all_us(self) -> float:
        return self.own_us + sum(self.servers.values())


class Meter:
    """servers: process ids by the name of what they belong to. name: the contestant's."""

    def __init__(self, name: str, root: int, servers: Mapping[str, Iterable[int]]) -> None:
        self._name = name
        self._root = root
        self._servers = {server: tuple(pids) for server, pids in servers.items()}
        self._own: dict[int, str] = {}

    def look_around(self) -> None:
        """Find its processes: some begin late, and some give themselves a title later still."""
        seen: Counter[str] = Counter()
        self._own = {}
        for pid in sorted(process_tree(self._root)):
            title = _title(pid, self._name)
            seen[title] += 1
            self._own[pid] = title if seen[title] == 1 else f"{title} ({seen[title]})"

    def sample(self, told: int) -> Sample:
        return Sample(
            told=told,
            own={name: _cpu_s(pid) for pid, name in self._own.items()},
            servers={name: sum(map(_cpu_s, pids)) for name, pids in self._servers.items()},
            rss_mb={name: _rss_mb(pid) for pid, name in self._own.items()},
        )


def cost_of(samples: Sequence[Sample]) -> Cost | None:
    """Between the first order told and the last: no start counts. None where that is too short."""
    begun = [sample for sample in samples if sample.told]
    if not begun or begun[-1].told == begun[0].told:
        return None
    first, last = begun[0], begun[-1]
    told = last.told - first.told

    def each(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
        spent = {name: max(after[name] - before.get(name, 0.0), 0.0) for name in after}
        return {name: 1e6 * cpu_s / told for name, cpu_s in spent.items()}

    return Cost(own=each(first.own, last.own), servers=each(first.servers, last.servers))


def typical(costs: Sequence[Cost]) -> Cost | None:
    """The median round's, process by process."""
    if not costs:
        return None
    return Cost(
        own=_medians([cost.own for cost in costs]),
        servers=_medians([cost.servers for cost in costs]),
    )


def _medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = {name: None for each in rounds for name in each}
    return {name: median(each.get(name, 0.0) for each in rounds) for name in names}


def _title(pid: int, name: str) -> str:
    with suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        if line.startswith(OWN_TITLE):
            return " ".join(line.removeprefix(OWN_TITLE).split()[:2])
    return name


def _cpu_s(pid: int) -> float:
    """Source: proc(5), fields 14 and 15. 0 for a process that is gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return 0.0


def _rss_mb(pid: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB
    return 0.0
