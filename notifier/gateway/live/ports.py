"""The seams of live push: what a gateway's hub and its talk need from Redis and MySQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from notifier.domain.push import Owed
from notifier.domain.ticket import Ticket


class Feed(Protocol):
    def follow(self, user: str) -> None: ...
    def leave(self, user: str) -> None: ...
    async def follows(self, user: str) -> bool: ...
    async def acknowledge(self, reply: bytes, id_: UUID) -> bool: ...
    async def tell(self, reply: bytes, answer: bytes) -> None: ...


class Topics(Protocol):
    async def keep(self, values: Mapping[str, bytes]) -> None: ...
    async def last(self, topic: str) -> bytes | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLimits:
    """clients, per_user, per_address: connections. value: bytes of a topic's message.

    ack_s: how long the fleet waits for an acknowledgement. auth_s: a client for its ticket.
    session_s: the longest connection.
    """

    clients: int
    per_user: int
    per_address: int
    value: int
    kept: int
    ack_s: float
    auth_s: float
    session_s: float


class Tickets(Protocol):
    async def redeem(self, secret: str) -> Ticket | None: ...


class Pushes(Protocol):
    async def owed_to(
        self, user: str, *, after: UUID | None, before: UUID | None = None, most: int
    ) -> list[Owed]: ...

    async def acknowledge(self, user: str, ids: Sequence[UUID]) -> list[UUID]: ...
