"""What was promised against what reached somebody: who was told never, or more than once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An accepted order or webhook. whom: names of those who are to be told once each."""

    order_no: str
    notification_id: str
    whom: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something that reached somebody.

    whom: as in a promise, read from what was received.
    received_at: epoch seconds of the receiver's clock, the call's first byte.
    calls: how often it came over the wire; all but one changed nothing.
    """

    whom: str
    received_at: float
    calls: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Names of this run: promised and never told, told more than once, told and never promised.

    told: promised and told, however often. repeated_calls: harmless repetitions of one id.
    """

    told: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    unpromised: tuple[str, ...]
    repeated_calls: int

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.unpromised)


def judge(promises: Iterable[Promise], effects: Iterable[Effect], *, prefix: str) -> Verdict:
    """prefix: effects for anybody whose name does not begin so are not this run's."""
    ours = [effect for effect in effects if effect.whom.startswith(prefix)]
    told = Counter(effect.whom for effect in ours)
    promised = {name for each in promises for name in each.whom}
    return Verdict(
        told=sum(name in told for name in promised),
        lost=tuple(sorted(promised - told.keys())),
        doubled=tuple(sorted(name for name, times in told.items() if times > 1)),
        unpromised=tuple(sorted(told.keys() - promised)),
        repeated_calls=sum(effect.calls - 1 for effect in ours),
    )
