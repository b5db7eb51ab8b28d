"""Ask the broker what is there, without changing it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelNotFoundEntity

from notifier.broker.connection import Link
from notifier.broker.faults import answering

if TYPE_CHECKING:
    from notifier.broker.management import Management


class Sight:
    """Every method raises BrokerUnavailable. management: None where there is none to ask."""

    def __init__(self, link: Link, *, management: Management | None = None) -> None:
        self._link = link
        self.management = management

    @property
    def address(self) -> str:
        """host:port of the broker."""
        return self._link.server.address

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
