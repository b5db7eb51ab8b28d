"""What an operator does at the dashboard; each deed is kept with who and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from notifier.dispatch.intervene import Replayed
from notifier.domain.intervention import Intervened
from notifier.domain.listing import Wanted
from notifier.domain.notification import State
from notifier.domain.operator import Operator
from notifier.domain.pause import LONGEST_REASON, Pause, said, scope_of
from notifier.errors import InvalidInput, NotifierError

MOST_AT_ONCE = 10_000
"""Replayed in one request; more of them in several."""
LONGEST_TARGET = 191


class NotAllowed(NotifierError):
    """A viewer only looks."""


class FindStore(Protocol):
    async def count(self, wanted: Wanted) -> int: ...

    async def ids(self, wanted: Wanted, *, most: int | None = None) -> list[UUID]: ...


class DeedStore(Protocol):
    async def begin(self, *, who: str, deed: str, target: str, why: str, asked: int) -> int: ...

    async def end(self, number: int, *, done: int) -> None: ...


class Replaying(Protocol):
    async def replay(self, ids: Sequence[UUID], *, force: bool) -> Replayed: ...


class Resting(Protocol):
    async def pause(self, scope: str, *, reason: str, who: str) -> Pause: ...

    async def resume(self, scope: str, *, reason: str = "", who: str) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """refused: those for which it was not done, with the reason. held_up: see Replayed."""

    done: int
    refused: Sequence[Intervened] = ()
    held_up: str = ""


class OperatorDesk:
    """Every method raises StoreUnavailable, StoreError.

    All deeds raise NotAllowed, and InvalidInput where no reason is given.
    """

    def __init__(
        self,
        *,
        find: FindStore,
        deeds: DeedStore,
        replay: Replaying,
        pausing: Resting,
        tiers: Collection[int],
    ) -> None:
        self._tiers = tiers
        self._find = find
        self._deeds = deeds
        self._replaying = replay
        self._pausing = pausing

    async def count(self, reason: str | None) -> int:
        """How many dead ones there are, of the reason or of its kind."""
        return await self._find.count(_dead(reason))

    async def replay_those(
        self, ids: Sequence[UUID], *, who: Operator, why: str, force: bool = False
    ) -> Outcome:
        target = str(ids[0]) if len(ids) == 1 else f"{len(ids)} chosen ones"
        return await self._replay(ids, target, who, why, force=force)

    async def replay_all(
        self, reason: str | None, *, confirmed: int, who: Operator, why: str
    ) -> Outcome:
        """The dead ones, or those of the reason: the oldest, and never more than confirmed."""
        ids = await self._find.ids(_dead(reason), most=min(confirmed, MOST_AT_ONCE))
        target = "all dead ones" if reason is None else f"reason {reason}"
        return await self._replay(ids, target, who, why, force=False)

    async def pause(self, scope: str, *, who: Operator, why: str) -> Pause:
        """Until it is resumed. Raises NotFound."""
        scope = self._checked(scope)
        number, why = await self._begin("pause", scope, who, why, 1)
        pause = await self._pausing.pause(scope, reason=why, who=who.name)
        await self._deeds.end(number, done=1)
        return pause

    async def resume(self, scope: str, *, who: Operator, why: str) -> int:
        """How many notifications had been put off. Raises NotFound."""
        number, why = await self._begin("resume", scope, who, why, 1)
        count = await self._pausing.resume(scope, reason=why, who=who.name)
        await self._deeds.end(number, done=1)
        return count

    def _checked(self, scope: str) -> str:
        """Raises InvalidInput."""
        kind, _, name = scope.partition(":")
        return scope_of(
            channel=name if kind == "channel" else None,
            endpoint=name if kind == "endpoint" else None,
            tier=int(name) if kind == "tier" and name.isdecimal() else None,
            tiers=self._tiers,
        )

    async def _replay(
        self, ids: Sequence[UUID], target: str, who: Operator, why: str, *, force: bool
    ) -> Outcome:
        if not 1 <= len(ids) <= MOST_AT_ONCE:
            raise InvalidInput("ids", f"{len(ids)} are not 1 to {MOST_AT_ONCE}; narrow it down")
        number, _ = await self._begin("replay", target, who, why, len(ids))
        replayed = await self._replaying.replay(ids, force=force)
        refused = [result for result in replayed.results if result.refused]
        done = len(replayed.results) - len(refused)
        await self._deeds.end(number, done=done)
        return Outcome(done=done, refused=refused, held_up=replayed.held_up)

    async def _begin(
        self, deed: str, target: str, who: Operator, why: str, asked: int
    ) -> tuple[int, str]:
        if not who.may_act:
            raise NotAllowed(f"{who.name} is a viewer, who does not {deed}")
        why = said(why, "why", longest=LONGEST_REASON)
        number = await self._deeds.begin(
            who=who.name, deed=deed, target=target[:LONGEST_TARGET], why=why, asked=asked
        )
        return number, why


def _dead(reason: str | None) -> Wanted:
    return Wanted(states=(State.DEAD,), reason=reason)
