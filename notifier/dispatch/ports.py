"""The seams of an attempt: what it needs from the store and from the broker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from notifier.domain.claim import Forget, NoRow, TooEarly
from notifier.domain.lease import Attempted, Claimed, Ended, PutOff, Recorded, Superseded
from notifier.domain.message import Message

ClaimResult = Claimed | Ended | Superseded | Forget | TooEarly | NoRow


class Delivery(Protocol):
    """One message from a tier's queue."""

    @property
    def body(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, object]: ...
    @property
    def redelivered(self) -> bool: ...

    def ack(self) -> None:
        """Harmless when the channel is gone: the broker delivers again."""
        ...


class Publisher(Protocol):
    async def publish(self, message: Message, *, delay: timedelta) -> None:
        """Returns when the broker confirmed. Raises BrokerUnavailable."""
        ...

    async def publish_many(self, messages: Iterable[tuple[Message, timedelta]]) -> None:
        """All of them, or BrokerUnavailable where one was not confirmed."""
        ...

    async def postpone(self, body: bytes, *, tier: int, delay: timedelta) -> None:
        """The same bytes again, later: for what a newer fleet wrote. Raises BrokerUnavailable."""
        ...

    async def publish_dead(self, body: bytes, headers: Mapping[str, object], reason: str) -> None:
        """The original bytes into the dead queue, confirmed. Raises BrokerUnavailable."""
        ...


class ClaimStore(Protocol):
    async def claim(self, requests: Sequence[tuple[Message, bool]]) -> Sequence[ClaimResult]:
        """(message, redelivered) each. Raises StoreUnavailable, StoreError."""
        ...

    async def claim_plain(self, messages: Sequence[Message]) -> Sequence[Claimed | None]:
        """The quick way for what concerns no order; None: ask `claim`. Raises as that."""
        ...


class RecordStore(Protocol):
    async def record(self, attempts: Sequence[Attempted]) -> Sequence[Recorded]: ...

    async def release(self, claims: Sequence[PutOff]) -> Sequence[Recorded]: ...


class PauseStore(Protocol):
    async def read(self) -> Mapping[str, datetime | None]:
        """Scopes at rest, with their ends; None: until a person resumes."""
        ...

    async def pause(self, scope: str, *, until: datetime | None, reason: str, who: str) -> None: ...


class RunLog(Protocol):
    """Where a line per attempt goes. Never blocks, never raises: no sink can stop delivery."""

    def attempted(self, attempted: Attempted, recorded: Recorded) -> None: ...

    def ended(self, message: Message, reason: str) -> None:
        """Without an attempt: the order was taken, closed or cancelled meanwhile."""
        ...
