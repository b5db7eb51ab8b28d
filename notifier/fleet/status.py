"""What a fleet says of itself: to `notifier status`, to Redis, to Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import orjson

from notifier.fleet.children import Child
from notifier.fleet.report import Lateness, Tally
from notifier.fleet.slot import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStatus:
    """One living process; its counts begin with its own start.

    generation: 1 for the first process of its place, +1 for each that follows.
    rate_per_s: attempts done (calendar: messages published, intake: notifications accepted), over
    the last ten seconds.
    """

    kind: str
    tier: int | None
    index: int
    pid: int
    generation: int
    state: str
    uptime_s: float
    in_flight: int
    rate_per_s: float
    tally: Tally
    last_error: str
    rss_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleStatus:
    """All processes of one tier, of the calendar or of the intake, since the fleet started.

    lateness: None where it is left out.
    """

    role: str
    wanted: int
    ready: int
    in_flight: int
    restarts: int
    tally: Tally
    lateness: Lateness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStatus:
    """stopping: it drains, and then it is gone."""

    host: str
    name: str
    pid: int
    version: str
    uptime_s: float
    stopping: bool
    rss_bytes: int
    roles: tuple[RoleStatus, ...]
    processes: tuple[ProcessStatus, ...]

    @property
    def is_ready(self) -> bool:
        return all(role.ready >= role.wanted for role in self.roles)

    def to_document(self) -> dict[str, Any]:
        return asdict(self)


def encode_status(status: FleetStatus) -> bytes:
    return orjson.dumps(status.to_document())


def decode_status(body: bytes | str) -> FleetStatus:
    """Fields of newer versions are left out. Raises ValueError where one is missing."""
    try:
        return _status_from(orjson.loads(body))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no status of a fleet: {body[:100]!r}") from error


def _status_from(document: dict[str, Any]) -> FleetStatus:
    for part in (*document["roles"], *document["processes"]):
        part["tally"] = Tally(**_known(Tally, part["tally"]))
        part.pop("lateness", None)
    document["roles"] = tuple(RoleStatus(**_known(RoleStatus, r)) for r in document["roles"])
    document["processes"] = tuple(
        ProcessStatus(**_known(ProcessStatus, p)) for p in document["processes"]
    )
    return FleetStatus(**_known(FleetStatus, document))


def _known(cls: type[Any], document: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    return {name: value for name, value in document.items() if name in names}


def process_statuses(slots: Iterable[Slot]) -> tuple[ProcessStatus, ...]:
    return tuple(_process_status(child) for slot in slots for child in slot.children())


def _process_status(child: Child) -> ProcessStatus:
    return ProcessStatus(
        kind=child.place.kind.value,
        tier=child.place.tier,
        index=child.place.index,
        pid=child.pid,
        generation=child.generation,
        state=child.state.value,
        uptime_s=round(child.uptime_s, 1),
        in_flight=child.beat.in_flight,
        rate_per_s=round(child.rate_per_s(), 1),
        tally=child.beat.tally,
        last_error=child.failure or child.beat.last_error,
        rss_bytes=child.beat.rss_bytes,
    )


def role_statuses(slots: Iterable[Slot], *, with_lateness: bool) -> tuple[RoleStatus, ...]:
    by_role: dict[str, list[Slot]] = {}
    for slot in slots:
        by_role.setdefault(slot.place.short, []).append(slot)
    return tuple(_role_status(role, members, with_lateness) for role, members in by_role.items())


def _role_status(role: str, slots: list[Slot], with_lateness: bool) -> RoleStatus:
    children = [child for slot in slots for child in slot.children()]
    return RoleStatus(
        role=role,
        wanted=len(slots),
        ready=sum(child.state == "ready" for child in children),
        in_flight=sum(child.beat.in_flight for child in children),
        restarts=sum(slot.restarts for slot in slots),
        tally=sum((slot.tally() for slot in slots), Tally()),
        lateness=sum((s.lateness() for s in slots), Lateness()) if with_lateness else None,
    )
