"""What the receiver tells of a run: it is the one who was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from notifier.loadtest.judge import Effect
from notifier.loadtest.plan import Plan
from notifier.loadtest.target import Receiver

CLOCKS_APART = timedelta(hours=1)


class Witness:
    """before: the receiver's counters when the run began."""

    def __init__(self, receiver: Receiver, plan: Plan, *, before: Mapping[str, Any]) -> None:
        self._receiver = receiver
        self._plan = plan
        self._effects_before = int(before["effects"])
        self._codes_before = _refusals(before)

    @classmethod
    async def of(cls, receiver: Receiver, plan: Plan) -> Self:
        return cls(receiver, plan, before=await receiver.counters())

    async def told(self) -> int:
        """Cheap. Others that are told at the same time count, too."""
        return int((await self._receiver.counters())["effects"]) - self._effects_before

    async def refusals(self) -> dict[str, int]:
        """Answers to anybody other than success, by code."""
        return dict(_refusals(await self._receiver.counters()) - self._codes_before)

    async def effects(self) -> list[Effect]:
        """Those of this run, as they are on disk."""
        since = (self._plan.began - CLOCKS_APART).timestamp()
        return [
            Effect(openid=row["openid"], received_at=row["received_at"], calls=row["wire_count"])
            async for row in self._receiver.effects(since=since)
            if row.get("openid", "").startswith(self._plan.openid_prefix)
        ]


def _refusals(counters: Mapping[str, Any]) -> Counter[str]:
    codes = counters["codes"].get("template_send", {})
    return Counter({code: times for code, times in codes.items() if code != "0"})
