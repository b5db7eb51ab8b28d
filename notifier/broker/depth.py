"""How much is ready in the tiers' queues, asked over AMQP: no management API, no lag."""

from __future__ import annotations

from aiormq.abc import AbstractChannel, AbstractConnection

from notifier.broker.connection import Link
from notifier.broker.faults import answering
from notifier.broker.topology import Topology
from notifier.errors import BrokerUnavailable


class Depths:
    def __init__(self, link: Link, topology: Topology) -> None:
        self._link = link
        self._topology = topology
        self._channel: AbstractChannel | None = None

    @classmethod
    async def open(cls, link: Link, topology: Topology) -> Depths:
        depths = cls(link, topology)
        await link.use(depths._attach)
        return depths

    async def ready(self) -> dict[int, int]:
        """Messages ready per tier. Raises BrokerUnavailable."""
        return {tier: await self._ready(tier) for tier in self._topology.tiers}

    async def _ready(self, tier: int) -> int:
        queue = self._topology.queue_of(tier)
        if self._channel is None or self._channel.is_closed:
            raise BrokerUnavailable(f"not connected to RabbitMQ at {self._link.server.address}")
        try:
            with answering(f"counting what is ready in queue {queue!r}"):
                answer = await self._channel.queue_declare(
                    queue, passive=True, timeout=self._timeout_s
                )
        except BrokerUnavailable as error:
            # A missing queue closes the channel; the next connection brings a new one.
            self._link.drop(str(error))
            raise
        return answer.message_count or 0

    async def _attach(self, transport: AbstractConnection) -> None:
        self._channel = await transport.channel(timeout=self._timeout_s)

    @property
    def _timeout_s(self) -> float:
        return self._link.server.timeout.total_seconds()
