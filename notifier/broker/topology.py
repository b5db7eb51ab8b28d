"""The names on the broker, and how the queues and the delay mechanism come to be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from notifier.broker.connection import Server, open_connection
from notifier.broker.declaring import declaring
from notifier.broker.mechanism import Mechanism


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The names are settings; the routing key of a queue is its name.

    tiers: seconds, shortest first. delayed_type: how the exchange routes once the delay is over.
    hold_prefix: of the queues that hold messages where the exchange does not; "" for one that is
    made of queue_prefix. Those and the tiers' queues are then reached by direct_exchange.
    """

    exchange: str = "delay"
    queue_prefix: str = "delay_queue"
    tiers: tuple[int, ...] = (1, 3, 5, 15, 30)
    delayed_type: Literal["direct", "topic"] = "direct"
    queue_type: Literal["quorum", "classic"] = "quorum"
    dead_queue: str = "notifier.dead"
    hold_prefix: str = ""

    def queue_of(self, tier: int) -> str:
        return f"{self.queue_prefix}{tier}"

    def hold_queue_of(self, tier: int) -> str:
        return f"{self.hold_prefix or f'{self.queue_prefix}.hold.'}{tier}"

    @property
    def direct_exchange(self) -> str:
        return f"{self.exchange}.direct"

    @property
    def queues(self) -> tuple[str, ...]:
        """Those that are read: the tiers' and the dead queue."""
        return (*self.tier_queues, self.dead_queue)

    @property
    def tier_queues(self) -> dict[str, int]:
        """Queue name to tier."""
        return {self.queue_of(tier): tier for tier in self.tiers}

    @property
    def queue_arguments(self) -> dict[str, str]:
        """None for classic queues: so does a program that says nothing about the type."""
        return {"x-queue-type": "quorum"} if self.queue_type == "quorum" else {}


async def apply(topology: Topology, server: Server, delay: Mechanism) -> None:
    """Declare everything; harmless when it is there already.

    Raises NotOffered where the broker has no such mechanism, TopologyError where something of the
    same name is different, and BrokerUnavailable.
    """
    await delay.prepare(server)
    connection = await open_connection(server, name="notifier topology apply")
    try:
        for queue in topology.queues:
            async with declaring(connection, f"queue {queue!r}") as channel:
                await channel.declare_queue(
                    queue, durable=True, arguments={**topology.queue_arguments}
                )
        await delay.join(connection)
    finally:
        await connection.close()
