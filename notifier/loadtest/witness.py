"""What the receiver tells of a run: it is the one who was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from notifier.loadtest.judge import Effect
from notifier.loadtest.load import Load
from notifier.loadtest.target import Receiver

CLOCKS_APART = timedelta(hours=1)
SUCCESS = frozenset({"0", "200"})
"""WeChat's errcode, and the HTTP status of a webhook."""


class Witness:
    """before: the receiver's counters when the run began."""

    def __init__(self, receiver: Receiver, load: Load, *, before: Mapping[str, Any]) -> None:
        self._receiver = receiver
        self._load = load
        self._told_before = int(before[load.counter])
        self._codes_before = self._refusals(before)

    @classmethod
    async def of(cls, receiver: Receiver, load: Load) -> Self:
        return cls(receiver, load, before=await receiver.counters())

    async def told(self) -> int:
        """Cheap. Others that are told at the same time count, too."""
        return int((await self._receiver.counters())[self._load.counter]) - self._told_before

    async def refusals(self) -> dict[str, int]:
        """Answers to anybody other than success, by code."""
        return dict(self._refusals(await self._receiver.counters()) - self._codes_before)

    async def effects(self) -> list[Effect]:
        """Those of this run, as they are on disk."""
        since = (self._load.plan.began - CLOCKS_APART).timestamp()
        found = [self._load.effect_of(row) async for row in self._receiver.effects(since=since)]
        return [
            effect
            for effect in found
            if effect is not None and effect.whom.startswith(self._load.prefix)
        ]

    def _refusals(self, counters: Mapping[str, Any]) -> Counter[str]:
        codes = counters["codes"].get(self._load.calls, {})
        return Counter({code: times for code, times in codes.items() if code not in SUCCESS})
