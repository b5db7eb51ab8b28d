"""On what a figure was measured."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """load: the system's average of the last minute before the run."""

    cores: int
    system: str
    python: str
    load: float

    @property
    def line(self) -> str:
        return (
            f"{self.cores} cores, {self.system}, Python {self.python}, load before {self.load:.2f}"
        )


def this_machine() -> Machine:
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        load=os.getloadavg()[0],
    )
