"""The queue of what has no row or cannot be read: how much, and what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelNotFoundEntity
from pamqp import commands as spec

from notifier.broker.connection import Link
from notifier.broker.faults import answering
from notifier.broker.headers import DROPPED, REASON


@dataclass(frozen=True, slots=True, kw_only=True)
class Buried:
    """body: the original bytes. headers: the original ones, without the broker's own."""

    reason: str
    body: bytes
    headers: Mapping[str, object]


class DeadQueue:
    """Every method raises BrokerUnavailable where the broker does not answer."""

    def __init__(self, link: Link, queue: str) -> None:
        self._link = link
        self._queue = queue

    async def count(self) -> int:
        """Messages ready; 0 where there is no such queue."""
        with answering(f"looking at {self._queue}"):
            channel = await self._link.transport.channel(publisher_confirms=False)
            try:
                answer = await channel.queue_declare(self._queue, passive=True)
                return int(answer.message_count or 0)
            except ChannelNotFoundEntity:
                return 0
            finally:
                await channel.close()

    async def peek(self, most: int) -> list[Buried]:
        """The oldest ones; they stay where they are.

        A quorum queue counts each look as a delivery, and from RabbitMQ 4.0 on drops what was
        delivered 20 times: look, then decide.
        """
        with answering(f"looking into {self._queue}"):
            channel = await self._link.transport.channel(publisher_confirms=False)
            try:
                buried: list[Buried] = []
                while len(buried) < most:
                    answer = await channel.basic_get(self._queue)
                    if isinstance(answer.delivery, spec.Basic.GetEmpty):
                        break
                    buried.append(_buried(answer))
                return buried
            except ChannelNotFoundEntity:
                return []
            finally:
                # What was taken and not acked goes back to its place.
                await channel.close()


def _buried(answer: DeliveredMessage) -> Buried:
    headers = answer.header.properties.headers or {}
    return Buried(
        reason=str(headers.get(REASON, "")),
        body=answer.body,
        headers={name: headers[name] for name in headers if not name.startswith(DROPPED)},
    )
