"""Keeps one place of the fleet filled: starts, restarts with growing waits, gives up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from notifier.fleet.backoff import Deaths, RestartPolicy, after_death, is_hopeless, wait_s
from notifier.fleet.children import Child, State
from notifier.fleet.exits import Exit
from notifier.fleet.place import Place
from notifier.fleet.report import Lateness, Tally

logger = structlog.get_logger(__name__)


class Slot:
    """current: who fills the place now, dead or alive; others: who leaves it or is to follow.

    is_vital: without it the fleet gives up; else it is tried again for ever, once it was ready.
    """

    def __init__(
        self, place: Place, policy: RestartPolicy, *, start: Callable[[Place, int], Child]
    ) -> None:
        self.place = place
        self.others: set[Child] = set()
        self.restarts = 0
        self.is_vital = True
        self.was_ready = asyncio.Event()
        self._policy = policy
        self._start = start
        self._deaths = Deaths()
        self._generation = 0
        self._past_tally = Tally()
        self._past_lateness = Lateness()
        self.current = self._start_next()

    def children(self) -> list[Child]:
        """The living ones."""
        return [c for c in (self.current, *self.others) if c.state is not State.ENDED]

    def tally(self) -> Tally:
        """Counts since the fleet started, of all who filled this place."""
        return sum((child.beat.tally for child in self.children()), self._past_tally)

    def lateness(self) -> Lateness:
        return sum((child.beat.lateness for child in self.children()), self._past_lateness)

    def ended(self, child: Child) -> None:
        """Keep the counts of a child that was reaped."""
        self.others.discard(child)
        self._past_tally += child.beat.tally
        self._past_lateness += child.beat.lateness

    def start_follower(self) -> Child:
        """A second process beside the current one; the caller promotes or kills it."""
        follower = self._start_next()
        self.others.add(follower)
        return follower

    def promote(self, follower: Child) -> None:
        """Put it in the place and let the former one drain."""
        former, self.current = self.current, follower
        self.others.discard(follower)
        if former.state is not State.ENDED:
            self.others.add(former)
            former.drain()

    async def keep_filled(self, stopping: asyncio.Event) -> str:
        """Restart who dies until `stopping`; returns why it gave up, or nothing."""
        while True:
            child = self.current
            await child.ended.wait()
            if stopping.is_set():
                return ""
            if child is not self.current:
                continue
            reason = self._count_death(child)
            if reason and (self.is_vital or not self.was_ready.is_set()):
                return reason
            if reason:
                logger.error("fleet_goes_on_without", process=self.place.label, reason=reason)
            await self._wait(child, stopping)
            if child is self.current and not stopping.is_set():
                self.restarts += 1
                self.current = self._start_next()

    def _count_death(self, child: Child) -> str:
        self._deaths = after_death(
            self._deaths,
            self._policy,
            now_s=time.monotonic(),
            lived_s=child.uptime_s,
            counts=child.exit_code not in (Exit.AWAY, Exit.DRAINED),
        )
        if child.exit_code == Exit.MISCONFIGURED:
            return f"{self.place.label} cannot start: {child.failure}"
        if is_hopeless(self._deaths, self._policy):
            return (
                f"{self.place.label} died {len(self._deaths.recent)} times within a minute, "
                f"last by {child.how_it_ended}"
            )
        return ""

    async def _wait(self, child: Child, stopping: asyncio.Event) -> None:
        seconds = wait_s(self._deaths, self._policy)
        logger.warning(
            "process_died",
            process=self.place.label,
            pid=child.pid,
            how=child.how_it_ended,
            restart_in_s=seconds,
        )
        try:
            async with asyncio.timeout(seconds):
                await stopping.wait()
        except TimeoutError:
            return

    def _start_next(self) -> Child:
        self._generation += 1
        return self._start(self.place, self._generation)
