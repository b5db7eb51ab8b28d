"""Wait until every notification of a run has come to an end, at little cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from notifier.domain.notification import TERMINAL, State
from notifier.loadtest.fleet import NobodyConsumes

LOOK_EVERY_S = 0.5
STANDSTILL_S = 5.0
"""After so long without a change the rows are asked: what is dead never reaches the receiver."""
SILENCE_S = 15.0
"""Nobody told so long after the first one was due: nobody is at work."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """How far a run has come. Times are monotonic. held_up: why the broker refused something.

    wanted: to be accepted. expected: to be told.
    """

    wanted: int
    expected: int
    accepted: int = 0
    told: int = 0
    held_up: str = ""
    began: float = field(default_factory=monotonic)
    accepted_since: float | None = None
    accepted_until: float = 0.0
    is_all_accepted: bool = False

    def accept(self, count: int, *, held_up: str = "") -> None:
        self.accepted += count
        self.held_up = held_up or self.held_up
        self.accepted_until = monotonic()
        if self.accepted_since is None:
            self.accepted_since = self.accepted_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """told: notifications that reached somebody, cheap. states: of all rows of the run, dear."""

    told: Callable[[], Awaitable[int]]
    states: Callable[[], Awaitable[Mapping[State, int]]]


class Watch:
    """show: called after each look."""

    def __init__(self, tally: Tally, sources: Sources, *, show: Callable[[Tally], None]) -> None:
        self._tally = tally
        self._sources = sources
        self._show = show
        self._changed_at = monotonic()

    async def until_settled(self, *, timeout_s: float, first_delay_s: float) -> bool:
        """Whether all rows were terminal in time.

        timeout_s: from the last acceptance on. first_delay_s: the ladder's.
        Raises NobodyConsumes, and what the sources raise.
        """
        while not await self._is_settled():
            self._check_silence(SILENCE_S + first_delay_s)
            if self._tally.is_all_accepted:
                since_s = monotonic() - self._tally.accepted_until
                if since_s > timeout_s:
                    return False
            await asyncio.sleep(LOOK_EVERY_S)
        return True

    async def _is_settled(self) -> bool:
        tally, told = self._tally, await self._sources.told()
        if told != tally.told:
            tally.told = told
            self._changed_at = monotonic()
        self._show(tally)
        if not tally.is_all_accepted or not self._is_worth_asking():
            return False
        self._changed_at = monotonic()
        return all_ended(await self._sources.states(), accepted=tally.accepted)

    def _is_worth_asking(self) -> bool:
        if self._tally.told >= self._tally.expected:
            return True
        return monotonic() - self._changed_at > STANDSTILL_S

    def _check_silence(self, longest_s: float) -> None:
        since = self._tally.accepted_since
        if since is not None and not self._tally.told and monotonic() - since > longest_s:
            raise NobodyConsumes(
                f"nobody was told within {longest_s:g} s: `notifier status` shows whether a fleet "
                "is at work, `notifier explain` of an accepted order why it waits"
            )


def all_ended(states: Mapping[State, int], *, accepted: int) -> bool:
    """A publisher's row is there from the moment on that its designer's was first claimed."""
    ended = sum(states.get(state, 0) for state in TERMINAL)
    return ended >= accepted and ended == sum(states.values())
