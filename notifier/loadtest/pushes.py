"""Synthetic pushes to users of the run's own, each with one client at the gateway."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput
from notifier.loadtest.judge import Effect
from notifier.loadtest.listeners import Listeners
from notifier.loadtest.load import Rule
from notifier.loadtest.plan import Plan

USERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PushLoad:
    """Each push carries its number, so that one that came under two ids is told twice."""

    plan: Plan
    listeners: Listeners
    each: ClassVar[int] = 1
    counter: ClassVar[str] = "pushes"
    calls: ClassVar[str] = "push"

    @property
    def prefix(self) -> str:
        return self.plan.endpoint_prefix

    @asynccontextmanager
    async def in_place(self) -> AsyncIterator[None]:
        """The clients, connected and bound. Raises InvalidInput where there is no gateway."""
        async with self.listeners.connected([self._user(number) for number in range(USERS)]):
            yield

    def submissions(self, numbers: range) -> list[Submission]:
        return [
            Submission(
                role=Role.RECIPIENT,
                channel=ChannelName.PUSH,
                recipient=self._user(number),
                order_no=self.plan.order_no(number),
                template="notifier.loadtest",
                payload={"number": number},
                dedupe_key=hashlib.sha256(self.plan.order_no(number).encode()).digest(),
            )
            for number in numbers
        ]

    def whom(self, number: int) -> tuple[str, ...]:
        return (_told(self._user(number), number),)

    def told_by(self, recipient: str, order_no: str) -> str:
        return _told(recipient, int(order_no.rpartition("-")[2]))

    def effect_of(self, row: Mapping[str, Any]) -> Effect | None:
        return Effect(
            whom=_told(row["user"], row["number"]),
            received_at=row["received_at"],
            calls=row["calls"],
        )

    def rules(self, fail: float) -> list[Rule]:
        """Raises InvalidInput: these clients refuse nothing."""
        if fail:
            raise InvalidInput("fail", f"{fail:g} goes with wechat and webhook, not with push")
        return []

    def _user(self, number: int) -> str:
        return f"{self.prefix}{number % USERS:03}"


def _told(user: str, number: int) -> str:
    return f"{user}:{number:07}"
