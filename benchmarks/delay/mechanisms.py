"""The two ways of holding a message, as a publisher and a consumer see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from pamqp import commands as spec
from pamqp.common import FieldValue

from benchmarks.delay.schedule import one_hop, two_hops
from benchmarks.delay.wire import Wire

WORK = "work"
"""Where what is due arrives, in both."""

Address = tuple[str, str, int | None]
"""Exchange, routing key and x-delay (ms)."""


class Mechanism(Protocol):
    @property
    def name(self) -> str: ...

    def lengths(self, longest_ms: int) -> Sequence[Sequence[int]]:
        """Kinds of delays to mix, ms, ascending; each kind goes beyond `longest_ms`."""

    async def declare(self, wire: Wire, lengths: Sequence[int]) -> None:
        """Everything that messages with these delays (ms) need."""

    def address(self, delay_ms: int) -> Address:
        """Where to publish so that the message is in `WORK` after this delay."""


class Exchange:
    """Our exchange type, which makes its hold queues itself."""

    name = "exchange"
    _EXCHANGE = "later"

    def lengths(self, longest_ms: int) -> Sequence[Sequence[int]]:
        return one_hop(longest_ms), two_hops(longest_ms)

    async def declare(self, wire: Wire, lengths: Sequence[int]) -> None:
        await wire.request(
            spec.Exchange.Declare(
                exchange=self._EXCHANGE,
                exchange_type="x-delayed-message",
                durable=True,
                arguments={"x-delayed-type": "direct"},
            )
        )
        await declare_quorum(wire, WORK)
        await wire.request(spec.Queue.Bind(queue=WORK, exchange=self._EXCHANGE, routing_key=WORK))

    def address(self, delay_ms: int) -> Address:
        return self._EXCHANGE, WORK, delay_ms


class Queues:
    """A hold queue for each length of time, which dead-letters to the queue behind it."""

    name = "queues"

    def lengths(self, longest_ms: int) -> Sequence[Sequence[int]]:
        return (one_hop(longest_ms),)

    async def declare(self, wire: Wire, lengths: Sequence[int]) -> None:
        await declare_quorum(wire, WORK)
        for ms in lengths:
            await declare_quorum(
                wire,
                self._hold_queue(ms),
                {
                    "x-message-ttl": ms,
                    "x-dead-letter-exchange": "",
                    "x-dead-letter-routing-key": WORK,
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                },
            )

    def address(self, delay_ms: int) -> Address:
        return "", self._hold_queue(delay_ms), None

    @staticmethod
    def _hold_queue(delay_ms: int) -> str:
        return f"{WORK}.hold.{delay_ms}"


MECHANISMS: dict[str, Callable[[], Mechanism]] = {"exchange": Exchange, "queues": Queues}


async def declare_quorum(
    wire: Wire, queue: str, arguments: dict[str, FieldValue] | None = None
) -> None:
    declare = spec.Queue.Declare(
        queue=queue, durable=True, arguments={"x-queue-type": "quorum", **(arguments or {})}
    )
    await wire.request(declare)


async def count(wire: Wire, queue: str) -> int:
    """How many messages it holds."""
    answer = await wire.request(spec.Queue.Declare(queue=queue, passive=True))
    return cast(spec.Queue.DeclareOk, answer).message_count or 0
