"""Who may call which endpoint now, so that one that is slow or down takes nothing from the others.

Every process learns for itself, and forgets with its end: nothing here is owed to anybody.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from time import monotonic
from types import TracebackType

import structlog

from notifier.domain import breaker as breakers
from notifier.domain.breaker import CLOSED, SHORTEST_WAIT_S, Breaker, BreakerRules, is_sick
from notifier.domain.outcome import Held, Outcome

log = structlog.get_logger(__name__)

QUEUE_S = 0.25
"""So long somebody waits here for one of an endpoint's calls to end."""
SHARE = 4
"""An endpoint takes at most a quarter of the places that are free, so that some always are."""
SLOW_S = 1.0
"""An endpoint that has said nothing for so long, though called, is no longer trusted."""
BACK_EVERY_S = 0.02
"""What an open breaker holds comes back no faster: neither a dead endpoint's messages, which turn
round and round, nor the pent-up ones of an endpoint that is well again, are a flood."""
NEWEST = 0.2
"""What the newest call's duration counts for in an endpoint's usual one."""
MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """calls: to one endpoint at once. places: of the process, for all that it sends at once.

    Half of the places are kept for endpoints that answer.
    """

    calls: int = 16
    places: int = 200
    breaker: BreakerRules = field(default_factory=BreakerRules)


class Gates:
    """luck: draws from 0 to 1. now: UTC, for people."""

    def __init__(
        self,
        rules: GateRules,
        *,
        clock: Callable[[], float] = monotonic,
        luck: Callable[[], float] = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.rules = rules
        self.clock = clock
        self.luck = luck
        self.now = now
        self._gates: dict[str, _Gate] = {}
        self._taken = 0

    async def enter(self, endpoint: str) -> Call | Held:
        """A call to be made now, or why not.

        endpoint: its name, or the origin of a URL that is none.
        """
        gate = self._gate(endpoint)
        held = self._hold_back(gate)
        if held is None and not self._has_room(gate):
            held = self._full(gate)
        if held is not None:
            return held
        gate.taken += 1
        self._taken += 1
        is_entered = False
        try:
            if not await gate.wait():
                return self._full(gate)
            held = self._hold_back(gate)  # it may have opened while we waited
            if held is not None:
                gate.slots.release()
                return held
            is_entered = True
            return Call(self, gate)
        finally:
            if not is_entered:
                self.leave(gate)

    def leave(self, gate: _Gate) -> None:
        gate.taken -= 1
        self._taken -= 1

    def _gate(self, endpoint: str) -> _Gate:
        """The ones used last are at the end."""
        gate = self._gates.pop(endpoint, None) or _Gate(endpoint, calls=self.rules.calls)
        self._gates[endpoint] = gate
        if len(self._gates) > MOST_KNOWN:
            oldest = next(iter(self._gates))
            if not self._gates[oldest].taken:
                del self._gates[oldest]
        return gate

    def _hold_back(self, gate: _Gate) -> Held | None:
        now_s = self.clock()
        wait_s = breakers.wait_s(gate.breaker, now_s)
        if not wait_s:
            return None
        reason = f"endpoint_down:{gate.trouble}"
        return gate.held(now_s, at_least_s=wait_s, apart_s=BACK_EVERY_S, reason=reason)

    def _has_room(self, gate: _Gate) -> bool:
        free = self.rules.places - self._taken
        if not gate.is_trusted(self.clock()):
            free -= self.rules.places // 2
        return gate.taken < free / SHARE

    def _full(self, gate: _Gate) -> Held:
        """The longer its calls take, the longer it takes until there is room; for one at a time."""
        now_s = self.clock()
        age_s = gate.age_s(now_s)
        under_way = f"{len(gate.running)} requests under way, the oldest for {age_s:.1f} s"
        return gate.held(
            now_s,
            at_least_s=2 * age_s,
            apart_s=gate.usual_s / self.rules.calls,
            reason=f"endpoint_full:{under_way}",
        )


class Call:
    """One that may be made now; leave it when it is over, or was not made after all."""

    def __init__(self, gates: Gates, gate: _Gate) -> None:
        self._gates = gates
        self._gate = gate
        self._is_judged = False
        self.is_probe = gate.breaker.is_open
        now_s = gates.clock()
        gate.breaker = breakers.began(gate.breaker, now_s)
        gate.running[self] = now_s

    def __enter__(self) -> Call:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        gate = self._gate
        took_s = self._gates.clock() - gate.running.pop(self)
        if self._is_judged:
            gate.usual_s += (took_s - gate.usual_s) * NEWEST
        else:
            gate.breaker = breakers.given_up(gate.breaker, is_probe=self.is_probe)
        gate.slots.release()
        self._gates.leave(gate)

    def came_to(self, outcome: Outcome) -> None:
        """What it says about the endpoint decides who may call it next."""
        self._is_judged = True
        gate, gates = self._gate, self._gates
        before, now_s = gate.breaker, gates.clock()
        if not is_sick(outcome):
            gate.heard(now_s)
        else:
            gate.breaker = breakers.failed(
                before,
                now_s,
                gates.rules.breaker,
                is_probe=self.is_probe,
                is_silent=outcome.answer is None,
                luck=gates.luck(),
            )
            if gate.breaker.is_open and not before.is_open:
                gate.opened(outcome.code, gates.now())


class _Gate:
    """taken: places of calls under way, and of those who wait for one.

    running: when each call began, the oldest first. usual_s: how long one takes, lately.
    """

    def __init__(self, endpoint: str, *, calls: int) -> None:
        self.endpoint = endpoint
        self.breaker: Breaker = CLOSED
        self.slots = asyncio.Semaphore(calls)
        self.running: dict[Call, float] = {}
        self.taken = 0
        self.usual_s = 0.0
        self.trouble = ""
        self._heard_s = -inf
        self._back_s = -inf

    async def wait(self) -> bool:
        """Until one of its calls may begin; False where that takes too long."""
        if not self.slots.locked():
            return await self.slots.acquire()
        try:
            async with asyncio.timeout(QUEUE_S):
                return await self.slots.acquire()
        except TimeoutError:
            return False

    def age_s(self, now_s: float) -> float:
        """Of its oldest call."""
        return now_s - next(iter(self.running.values()), now_s)

    def is_trusted(self, now_s: float) -> bool:
        """It answers, as far as anybody knows."""
        if self._heard_s == -inf or self.breaker.failures:
            return False
        return min(self.age_s(now_s), now_s - self._heard_s) < SLOW_S

    def held(self, now_s: float, *, at_least_s: float, apart_s: float, reason: str) -> Held:
        """Those that are held back come again one after the other."""
        soonest_s = now_s + max(at_least_s, SHORTEST_WAIT_S)
        self._back_s = max(soonest_s, self._back_s + apart_s)
        wait = timedelta(seconds=self._back_s - now_s)
        return Held(wait=wait, reason=reason, is_exact=False)

    def heard(self, now_s: float) -> None:
        self._heard_s = now_s
        if self.breaker.is_open:
            log.info("endpoint_back", endpoint=self.endpoint)
            self._back_s = -inf
        self.breaker = CLOSED

    def opened(self, code: str, now: datetime) -> None:
        self.trouble = f"{code}, since {now:%Y-%m-%d %H:%M:%S} UTC"
        log.warning("endpoint_held_back", endpoint=self.endpoint, code=code)
