"""Taking from a tier's queue, except while the tier rests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from notifier.dispatch.pauses import Pauses

log = structlog.get_logger(__name__)


class Tap(Protocol):
    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    async def stop_taking(self) -> None: ...


class Taking:
    """While the tier rests its messages wait in the queue; what was taken before is finished.

    begin: start consuming, the first time.
    """

    def __init__(
        self, tap: Tap, pauses: Pauses, *, scope: str, begin: Callable[[], Awaitable[None]]
    ) -> None:
        self._tap = tap
        self._pauses = pauses
        self._scope = scope
        self._begin = begin
        self._has_begun = False
        self._rests: bool | None = None
        self._is_over = False

    async def follow(self) -> None:
        """Do what the pauses say, as they were read last. Raises TopologyError."""
        rests = self._pauses.rests(self._scope)
        if self._is_over or rests == self._rests:
            return
        if rests:
            log.warning("tier.rests", scope=self._scope)
        elif self._rests:
            log.warning("tier.works_again", scope=self._scope)
        self._rests = rests
        if self._has_begun:
            await (self._tap.pause() if rests else self._tap.resume())
        elif not rests:
            self._has_begun = True
            await self._begin()

    async def end(self) -> None:
        """Take no more, whatever the pauses say."""
        self._is_over = True
        await self._tap.stop_taking()
