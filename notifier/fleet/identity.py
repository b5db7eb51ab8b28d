"""Who a process of the fleet is: handed over in its environment, never in its arguments."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from notifier.fleet.place import Kind, Place

PREFIX = "NOTIFIER_CHILD_"
LISTENER = PREFIX + "LISTENER"
"""The descriptor of the socket that a gateway accepts from; all processes of a fleet share it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """worker_id: names this process in leases.

    descriptor: its end of the socket to the supervisor.
    silence_s: it ends itself after hanging this long.
    """

    place: Place
    worker_id: str
    descriptor: int
    silence_s: float

    def to_environment(self) -> dict[str, str]:
        return {
            PREFIX + "KIND": self.place.kind.value,
            PREFIX + "TIER": "" if self.place.tier is None else str(self.place.tier),
            PREFIX + "INDEX": str(self.place.index),
            PREFIX + "WORKER_ID": self.worker_id,
            PREFIX + "DESCRIPTOR": str(self.descriptor),
            PREFIX + "SILENCE_S": str(self.silence_s),
        }


def read_identity(environment: Mapping[str, str]) -> Identity:
    """Raises KeyError outside of a fleet."""
    tier = environment[PREFIX + "TIER"]
    return Identity(
        place=Place(
            kind=Kind(environment[PREFIX + "KIND"]),
            tier=int(tier) if tier else None,
            index=int(environment[PREFIX + "INDEX"]),
        ),
        worker_id=environment[PREFIX + "WORKER_ID"],
        descriptor=int(environment[PREFIX + "DESCRIPTOR"]),
        silence_s=float(environment[PREFIX + "SILENCE_S"]),
    )


def own_worker_id() -> str:
    """The id under which this process of the fleet claims. Raises KeyError outside of a fleet."""
    return os.environ[PREFIX + "WORKER_ID"]
