"""A place in the fleet: one process that has to be there, whoever fills it."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from enum import StrEnum

WORKER_ID_LENGTH = 64
"""The width of the column that keeps who holds a lease."""


class Kind(StrEnum):
    TIER = "tier"
    """Consumes the queue of one tier."""
    CALENDAR = "calendar"
    """Promotes what comes near its moment and sweeps what is overdue."""
    INTAKE = "intake"
    """Takes what older programs put into Redis."""
    GATEWAY = "gateway"
    """Answers over HTTP and WebSocket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """index: from 1, among the places of the same tier."""

    kind: Kind
    tier: int | None = None
    index: int = 1

    @property
    def label(self) -> str:
        """For people: `tier 5s`, the second of that tier `tier 5s/2`."""
        suffix = "" if self.index == 1 else f"/{self.index}"
        return self.role + suffix

    @property
    def role(self) -> str:
        """What processes of the same work share: `tier 5s`, `calendar`, `intake` or `gateway`."""
        return self.kind.value if self.tier is None else f"tier {self.tier}s"

    @property
    def short(self) -> str:
        """For labels of metrics: `5`, `calendar`, `intake` or `gateway`."""
        return self.kind.value if self.tier is None else str(self.tier)


def places_of(
    processes: dict[int, int], *, intake: bool = False, gateways: int = 0
) -> tuple[Place, ...]:
    """One place per process of each tier, one for the calendar, and what else is asked for.

    processes: how many for each tier.
    """
    tiers = [
        Place(kind=Kind.TIER, tier=tier, index=index)
        for tier, count in processes.items()
        for index in range(1, count + 1)
    ]
    others = (Kind.CALENDAR, Kind.INTAKE) if intake else (Kind.CALENDAR,)
    return (*tiers, *(Place(kind=kind) for kind in others), *gateway_places(gateways))


def gateway_places(count: int) -> tuple[Place, ...]:
    return tuple(Place(kind=Kind.GATEWAY, index=index) for index in range(1, count + 1))


def worker_id_of(place: Place, *, fleet: str, generation: int) -> str:
    """Names one process for its whole life and no other ever, in at most 64 characters."""
    role = f"{place.kind.value}{place.tier or ''}.{place.index}"
    tail = f"{role}/{generation}/{secrets.token_hex(4)}"
    host = socket.gethostname()[:20]
    return f"{host}/{fleet[: WORKER_ID_LENGTH - len(host) - len(tail) - 2]}/{tail}"
