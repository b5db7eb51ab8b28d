"""Messages, and a handler that remembers what it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from notifier.broker import codec
from notifier.broker.delivery import Delivery
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role, new_id

NOW = timedelta(0)


def message(*, tier: int = 1, seq: int = 0) -> Message:
    return Message(
        notification_id=new_id(),
        seq=seq,
        attempt=1,
        tier=tier,
        due_at=datetime.now(UTC),
        channel=ChannelName.WECHAT,
        role=Role.DESIGNER,
        order_no="1912136916313",
    )


class Inbox:
    """A handler. moments: when each delivery came, on the event loop's clock, seconds."""

    def __init__(self, *, acks: bool = True) -> None:
        self.deliveries: list[Delivery] = []
        self.moments: list[float] = []
        self._acks = acks
        self._grown = asyncio.Event()

    async def __call__(self, delivery: Delivery) -> None:
        self.moments.append(asyncio.get_running_loop().time())
        self.deliveries.append(delivery)
        self._grown.set()
        if self._acks:
            delivery.ack()

    @property
    def seqs(self) -> list[int]:
        return [codec.decode(delivery.body).seq for delivery in self.deliveries]

    async def holds(self, count: int, *, within_s: float = 60) -> list[Delivery]:
        """Return when that many have come, fail if they do not."""
        async with asyncio.timeout(within_s):
            while len(self.deliveries) < count:
                self._grown.clear()
                await self._grown.wait()
        return self.deliveries


async def until(holds: Callable[[], bool], *, within_s: float = 60) -> None:
    """Poll until it holds, fail if it never does."""
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.01)
