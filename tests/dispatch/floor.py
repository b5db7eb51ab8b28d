"""Where attempts are made in tests: a real database, a broker in memory, channels on a script."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from notifier.broker import codec
from notifier.broker.delivery import Delivery
from notifier.broker.memory import MemoryBroker, MemoryPublisher
from notifier.broker.topology import Topology
from notifier.dispatch.attempt import Attempts, Limits
from notifier.dispatch.foreign import ForeignMessages, ForeignOrders
from notifier.dispatch.pauses import Pauses
from notifier.dispatch.run_log import BufferedRunLog
from notifier.dispatch.tally import Tally
from notifier.domain.message import Message
from notifier.domain.notification import Channel, ChannelName, Notification
from notifier.domain.outcome import Held, Outcome, Sent
from notifier.store.pauses import MysqlPauses
from tests.core import PROTECTED_FOR, RULE_BOOK, SEND_TIMEOUT, Core


class ScriptedChannel:
    """Answers as told, else Sent; remembers whom it told."""

    protected_for: timedelta | None
    timeout = SEND_TIMEOUT

    def __init__(self, name: ChannelName, *, protected_for: timedelta | None) -> None:
        self.name = name
        self.protected_for = protected_for
        self.script: deque[Outcome | Held | Exception] = deque()
        self.sent: list[Notification] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def send(self, notification: Notification) -> Outcome | Held:
        self.sent.append(notification)
        outcome = self.script.popleft() if self.script else Sent(external_id="4711")
        await self.may_answer.wait()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self) -> None:
        return


class RecordingPublisher(MemoryPublisher):
    """refuse: an error for every publish until it is taken away."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.published: list[tuple[Message, timedelta]] = []
        self.postponed: list[tuple[bytes, int, timedelta]] = []

    async def publish(self, message: Message, *, delay: timedelta) -> None:
        await super().publish(message, delay=delay)
        self.published.append((message, delay))

    async def publish_many(self, messages: Iterable[tuple[Message, timedelta]]) -> None:
        for message, delay in messages:
            await self.publish(message, delay=delay)

    async def postpone(self, body: bytes, *, tier: int, delay: timedelta) -> None:
        await super().postpone(body, tier=tier, delay=delay)
        self.postponed.append((body, tier, delay))


@dataclass(slots=True)
class Floor:
    """One broker, one receiver's side, and any number of processes.

    orders: who accepts other programs' orders; None: nobody.
    """

    core: Core
    orders: ForeignOrders | None = None
    broker: MemoryBroker = field(default_factory=lambda: MemoryBroker(Topology()))
    publisher: RecordingPublisher = field(init=False)
    wechat: ScriptedChannel = field(
        default_factory=lambda: ScriptedChannel(ChannelName.WECHAT, protected_for=PROTECTED_FOR)
    )
    push: ScriptedChannel = field(
        default_factory=lambda: ScriptedChannel(ChannelName.PUSH, protected_for=timedelta(0))
    )

    webhook: ScriptedChannel = field(
        default_factory=lambda: ScriptedChannel(ChannelName.WEBHOOK, protected_for=None)
    )

    channels: dict[str, Channel] = field(init=False)

    def __post_init__(self) -> None:
        self.channels = {each.name: each for each in (self.wechat, self.push, self.webhook)}
        self.publisher = RecordingPublisher(self.broker)

    def process(self, owner: str = "test-1", core: Core | None = None) -> Process:
        return Process(self, owner, core or Core(self.core.database, owner=owner))

    @property
    def dead(self) -> list[tuple[bytes, object]]:
        """(body, reason) of what the dead queue holds."""
        return [(held.body, held.headers["x-notifier-reason"]) for held in self.broker.dead]


class Process:
    """A consumer process of the first tier."""

    def __init__(self, floor: Floor, owner: str, core: Core) -> None:
        self.floor = floor
        self.core = core
        self.tally = Tally()
        self.pauses = Pauses(MysqlPauses(core.database), who=owner)
        self.attempts = Attempts(
            tier=1,
            decode=codec.decode,
            claims=core.claims,
            records=core.records,
            publisher=floor.publisher,
            foreign=ForeignMessages(floor.publisher, floor.orders).take,
            channels=floor.channels,
            pauses=self.pauses,
            rule_book=RULE_BOOK,
            run_log=BufferedRunLog([]),
            tally=self.tally,
            limits=Limits(batch=20, lanes=2),
        )

    async def deliver(
        self,
        message: Message | bytes,
        *,
        redelivered: bool = False,
        headers: Mapping[str, object] | None = None,
    ) -> int:
        """How often it was acked."""
        body = message if isinstance(message, bytes) else codec.encode(message)
        acks: list[None] = []
        await self.attempts.handle(
            Delivery(body, headers or {}, redelivered=redelivered, ack=lambda _: acks.append(None))
        )
        return len(acks)


async def until(condition: Callable[[], object], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)
