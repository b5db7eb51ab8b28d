"""What was promised against what reached somebody: who was told never, or more than once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An accepted order. designer, publisher: the openids that are to be told once each."""

    order_no: str
    notification_id: str
    designer: str
    publisher: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something that reached somebody.

    received_at: epoch seconds of the receiver's clock, the call's first byte.
    calls: how often it came over the wire; all but one changed nothing.
    """

    openid: str
    received_at: float
    calls: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Openids of this run: promised and never told, told more than once, told and never promised.

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


def judge(promises: Iterable[Promise], effects: Iterable[Effect], *, openid_prefix: str) -> Verdict:
    """openid_prefix: effects for anybody else are not this run's."""
    ours = [effect for effect in effects if effect.openid.startswith(openid_prefix)]
    told = Counter(effect.openid for effect in ours)
    promised = {openid for each in promises for openid in (each.designer, each.publisher)}
    return Verdict(
        told=sum(openid in told for openid in promised),
        lost=tuple(sorted(promised - told.keys())),
        doubled=tuple(sorted(openid for openid, times in told.items() if times > 1)),
        unpromised=tuple(sorted(told.keys() - promised)),
        repeated_calls=sum(effect.calls - 1 for effect in ours),
    )
