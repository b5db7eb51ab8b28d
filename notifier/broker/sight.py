"""Ask the broker what is there, without changing it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import ChannelNotFoundEntity

from notifier.broker.connection import Link
from notifier.broker.faults import answering
from notifier.errors import TopologyError

if TYPE_CHECKING:
    from notifier.broker.management import Management
    from notifier.broker.mechanism import Mechanism


class Sight:
    """Every method raises BrokerUnavailable. management: None where there is none to ask."""

    def __init__(self, link: Link, *, management: Management | None = None) -> None:
        self._link = link
        self.management = management

    async def has_exchange(self, name: str) -> bool:
        async with self._asking() as channel:
            try:
                await channel.exchange_declare(name, passive=True)
            except ChannelNotFoundEntity:
                return False
            return True

    async def ready(self, queue: str) -> int | None:
        """Messages ready; None where there is no such queue."""
        async with self._asking() as channel:
            try:
                answer = await channel.queue_declare(queue, passive=True)
                return int(answer.message_count or 0)
            except ChannelNotFoundEntity:
                return None

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[AbstractChannel]:
        """A channel of its own: a "not found" closes it."""
        timeout_s = self._link.server.timeout.total_seconds()
        with answering("looking at the queues"):
            channel = await self._link.transport.channel(
                publisher_confirms=False, timeout=timeout_s
            )
            try:
                yield channel
            finally:
                await channel.close()


async def need_topology(link: Link, delay: Mechanism) -> None:
    """On this connection of the link and on each later one. Raises TopologyError."""

    async def look(_: AbstractConnection) -> None:
        missing = await delay.missing(Sight(link))
        if missing:
            raise TopologyError(
                f"the delay mechanism {delay.name!r} is recorded ([amqp] delay), but at "
                f"{link.server.address} {missing[0].what}; {missing[0].remedy}"
            )

    await link.use(look)
