"""The seam between "not before that delay" and how the broker is made to do it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from aio_pika.abc import AbstractConnection
from pamqp.common import FieldTable

from notifier.broker.connection import Server
from notifier.domain.delay import Delays

if TYPE_CHECKING:  # the HTTP client is for those who look, not for every process
    from notifier.broker.management import Management
    from notifier.broker.sight import Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a message goes first.

    mandatory: whether the broker shall give it back where there is no such queue, which it would
    drop and confirm otherwise.
    """

    exchange: str
    routing_key: str
    mandatory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    what: str
    remedy: str


APPLY = "run `notifier topology apply`"


def unbound(
    exchange: str, queues: Iterable[str], bindings: Iterable[dict[str, Any]]
) -> Iterator[Problem]:
    """bindings: of this exchange, as the management API has them."""
    bound = {(binding["destination"], binding["routing_key"]) for binding in bindings}
    for queue in queues:
        if (queue, queue) not in bound:
            yield Problem(
                what=f"queue {queue!r} is not bound to exchange {exchange!r}", remedy=APPLY
            )


class Mechanism(Protocol):
    @property
    def name(self) -> str:
        """As [amqp] delay says it."""
        ...

    @property
    def exchange(self) -> str:
        """What it publishes to. Every queue is bound to it by its name, the dead queue too."""
        ...

    @property
    def delays(self) -> Delays: ...

    def address(self, tier: int, delay: timedelta) -> Address:
        """For a message of this tier; one whose queue is gone goes to the first.

        Raises InvalidInput for a delay that is not held.
        """
        ...

    def postponed(self, tier: int, delay: timedelta) -> Address:
        """For what has to come again and need not be exact: not before `delay`, if possible."""
        ...

    def headers(self, delay: timedelta) -> FieldTable: ...

    async def prepare(self, server: Server) -> None:
        """Declare what does not need the tiers' queues, on a connection of its own.

        Raises NotOffered where the broker cannot do it at all, TopologyError, BrokerUnavailable.
        """
        ...

    async def join(self, connection: AbstractConnection) -> None:
        """Declare what leads to the tiers' queues. Raises TopologyError, BrokerUnavailable."""
        ...

    async def remove(self, connection: AbstractConnection) -> list[str]:
        """Delete what only this mechanism needs, and say what. It may hold nothing.

        Raises TopologyError, BrokerUnavailable.
        """
        ...

    async def missing(self, sight: Sight) -> list[Problem]:
        """What is not there, as far as AMQP tells."""
        ...

    async def misfits(self, management: Management) -> list[Problem]:
        """What is there and not as it must be."""
        ...

    def is_hold(self, queue: str) -> bool:
        """Whether messages wait in this queue for their moment."""
        ...

    async def held(self, sight: Sight, seen: Mapping[str, dict[str, Any]]) -> int | None:
        """Messages that wait for their moment; None where that cannot be told.

        seen: the vhost's queues by name, as the management API has them.
        """
        ...
