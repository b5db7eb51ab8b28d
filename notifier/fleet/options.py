"""What a fleet is to be: its places, times and limits, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notifier.errors import InvalidInput
from notifier.fleet.backoff import RestartPolicy
from notifier.fleet.place import Place, places_of
from notifier.settings import Fleet, Gateway

MOST_PROCESSES = 64
"""Per tier; more is a slip of the finger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """silence_s: a process that has said nothing for so long is killed.

    start_limit_s: a process that is not ready by then has failed to start (on reload only).
    environment: settings the processes must share with the supervisor, as NOTIFIER_FLEET_*.
    listen: host and port of the gateway, where there is one.
    """

    name: str
    places: tuple[Place, ...]
    run_dir: Path
    drain_s: float = 30.0
    heartbeat_s: float = 1.0
    silence_s: float = 15.0
    start_limit_s: float = 30.0
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    metrics_port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    listen: tuple[str, int] | None = None


def options_of(
    fleet: Fleet,
    processes: str,
    *,
    concurrency: int | None = None,
    intake: bool = False,
    gateway: Gateway | None = None,
) -> FleetOptions:
    """concurrency: of the command line, stronger than the settings that a reload reads anew.
    intake: with a process for what older programs put into Redis. gateway: with its processes.

    Raises InvalidInput.
    """
    given = {} if concurrency is None else {"NOTIFIER_FLEET_CONCURRENCY": str(concurrency)}
    counts, gateways = parse_processes(processes, fleet.tiers), gateway.processes if gateway else 0
    return FleetOptions(
        name=fleet.name,
        places=places_of(counts, intake=intake, gateways=gateways),
        listen=(gateway.host, gateway.port) if gateway else None,
        run_dir=fleet.run_dir,
        drain_s=fleet.drain_s,
        heartbeat_s=fleet.heartbeat_s,
        silence_s=silence_limit_s(fleet.heartbeat_s),
        policy=RestartPolicy(give_up_after=fleet.give_up_after),
        metrics_port=fleet.metrics_port,
        environment={
            "NOTIFIER_FLEET_NAME": fleet.name,
            "NOTIFIER_FLEET_TIERS": ",".join(str(tier) for tier in fleet.tiers),
            "NOTIFIER_FLEET_DRAIN_S": str(fleet.drain_s),
            "NOTIFIER_FLEET_HEARTBEAT_S": str(fleet.heartbeat_s),
            **given,
        },
    )


def silence_limit_s(heartbeat_s: float) -> float:
    """Ten missed heartbeats, and never less than a busy machine may stall."""
    return max(15.0, 10 * heartbeat_s)


def parse_processes(text: str, tiers: tuple[int, ...]) -> dict[int, int]:
    """Processes per tier: "2" for each, or "1:4,3:2", where the others get one.

    Raises InvalidInput.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 1 and ":" not in parts[0]:
        return dict.fromkeys(tiers, _count(parts[0]))
    counts: dict[int, int] = {}
    for part in parts:
        tier_text, colon, count_text = part.partition(":")
        if not colon:
            raise InvalidInput("processes", f"{part!r} is no pair TIER:NUMBER, as in 1:4,3:2")
        tier = _tier(tier_text, tiers)
        if tier in counts:
            raise InvalidInput("processes", f"tier {tier} is given twice; name each tier once")
        counts[tier] = _count(count_text)
    return {tier: counts.get(tier, 1) for tier in tiers}


def _tier(text: str, tiers: tuple[int, ...]) -> int:
    known = ",".join(str(tier) for tier in tiers)
    for tier in tiers:
        if text.strip() == str(tier):
            return tier
    raise InvalidInput("processes", f"{text.strip()!r} is no tier of this fleet, which has {known}")


def _count(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        raise InvalidInput("processes", f"{text!r} is no whole number, as in 2 or 1:4,3:2")
    if not 1 <= int(text) <= MOST_PROCESSES:
        raise InvalidInput(
            "processes",
            f"{text} is not between 1 and {MOST_PROCESSES}; leave a tier out with --tiers",
        )
    return int(text)
