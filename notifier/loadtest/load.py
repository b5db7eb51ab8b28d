"""What differs between the channels that a load test goes through."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from notifier.domain.submission import Submission
from notifier.loadtest.judge import Effect
from notifier.loadtest.plan import Plan

Rule = Mapping[str, Any]


class Load(Protocol):
    """What a run accepts, whom that tells, and how the receiver shows it.

    each: how many are told of one that is accepted. prefix: of all who are told.
    counter: of the receiver, how many reached somebody. calls: its name for what the fleet calls.
    """

    @property
    def plan(self) -> Plan: ...
    @property
    def each(self) -> int: ...
    @property
    def prefix(self) -> str: ...
    @property
    def counter(self) -> str: ...
    @property
    def calls(self) -> str: ...

    def in_place(self) -> AbstractAsyncContextManager[None]:
        """What has to be there for the length of the run. Raises InvalidInput, NotifierError."""
        ...

    def submissions(self, numbers: range) -> list[Submission]:
        """The same numbers give the same dedupe keys: accepting them again changes nothing."""
        ...

    def whom(self, number: int) -> tuple[str, ...]:
        """Who is to be told of this one, once each."""
        ...

    def told_by(self, recipient: str, order_no: str) -> str:
        """Whom a notification's row tells."""
        ...

    def effect_of(self, row: Mapping[str, Any]) -> Effect | None:
        """row: of the receiver's effects; None where it is not of this kind."""
        ...

    def rules(self, fail: float) -> list[Rule]:
        """Refuse this share of the run's notifications once, and half of those a second time.

        fail: 0 to 1. The sandbox chooses by the notification, and a larger share of them contains
        the smaller, so that the second rule is for the half that the first one has already met.
        """
        ...


def refused_at_first(fail: float, rule: Rule) -> list[Rule]:
    return [{**rule, "times": 1, "share": share} for share in (fail, fail / 2)] if fail else []
