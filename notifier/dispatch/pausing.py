"""A person's word: this channel, endpoint or tier rests; this one works again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from notifier.domain.endpoint import endpoint_of
from notifier.domain.pause import LONGEST_REASON, LONGEST_WHO, Pause, said


class PauseKeeper(Protocol):
    async def order(
        self,
        scope: str,
        *,
        until: datetime | None,
        lasting: timedelta | None,
        reason: str,
        who: str,
    ) -> Pause: ...

    async def resume(self, scope: str, *, reason: str, who: str) -> int: ...


class EndpointKeeper(Protocol):
    async def one(self, name: str) -> object:
        """Raises NotFound."""
        ...

    async def forgive(self, name: str) -> None: ...


class Pausing:
    """Both methods raise NotFound, StoreUnavailable and StoreError."""

    def __init__(self, pauses: PauseKeeper, endpoints: EndpointKeeper) -> None:
        self._pauses = pauses
        self._endpoints = endpoints

    async def pause(
        self,
        scope: str,
        *,
        until: datetime | None = None,
        lasting: timedelta | None = None,
        reason: str,
        who: str,
    ) -> Pause:
        """What rests then; an earlier rest that ends later stays. Nothing is lost or burnt.

        until, lasting: neither: until somebody resumes it. Raises InvalidInput.
        """
        if (name := endpoint_of(scope)) is not None:
            await self._endpoints.one(name)
        return await self._pauses.order(
            scope,
            until=until,
            lasting=lasting,
            reason=said(reason, "reason", longest=LONGEST_REASON),
            who=said(who, "who", longest=LONGEST_WHO),
        )

    async def resume(self, scope: str, *, reason: str = "", who: str) -> int:
        """How many notifications had been put off; an endpoint's failures are forgiven.

        Raises InvalidInput.
        """
        name = endpoint_of(scope)
        if name is not None:
            await self._endpoints.one(name)
        reason = said(reason or "by hand", "reason", longest=LONGEST_REASON)
        who = said(who, "who", longest=LONGEST_WHO)
        count = await self._pauses.resume(scope, reason=reason, who=who)
        if name is not None:
            await self._endpoints.forgive(name)
        return count
