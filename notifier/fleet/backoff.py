"""When a dead process is started again, and when that has become pointless. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

WINDOW_S = 60.0
"""Deaths are counted over this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """first_s, longest_s: the wait after the first death in a row, doubling up to the longest.

    healthy_s: who lived this long starts again from the first wait.
    give_up_after: deaths within a minute that end the fleet.
    """

    first_s: float = 0.2
    longest_s: float = 10.0
    healthy_s: float = 60.0
    give_up_after: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaths:
    """What is remembered of a place: deaths in a row, and the recent ones that count."""

    in_a_row: int = 0
    recent: tuple[float, ...] = ()


def after_death(
    deaths: Deaths, policy: RestartPolicy, *, now_s: float, lived_s: float, counts: bool = True
) -> Deaths:
    """counts: false for a death that waiting will mend, as when the broker is away."""
    in_a_row = 1 if lived_s >= policy.healthy_s else deaths.in_a_row + 1
    recent = tuple(moment for moment in deaths.recent if now_s - moment < WINDOW_S)
    return replace(deaths, in_a_row=in_a_row, recent=(*recent, now_s) if counts else recent)


def wait_s(deaths: Deaths, policy: RestartPolicy) -> float:
    """How long to wait before the next start, seconds."""
    doublings = min(deaths.in_a_row - 1, 30)
    return float(min(policy.longest_s, policy.first_s * 2**doublings))


def is_hopeless(deaths: Deaths, policy: RestartPolicy) -> bool:
    return len(deaths.recent) >= policy.give_up_after
