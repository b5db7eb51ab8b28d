"""What is not measured: a database and a receiver that answer after a millisecond, for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic

from notifier.dispatch.run_log import Line
from notifier.domain.lease import Attempted, Claimed, PutOff, Recorded
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Notification, Role, State, new_id
from notifier.domain.outcome import Held, Outcome, Sent
from notifier.domain.settle import InFlight

WAY_S = 0.001
LEASE = timedelta(minutes=1)


class FakeStore:
    """then: what each attempt leads to; None: it was the last. count: of attempts, until done."""

    def __init__(self, then: Message | None, *, count: int) -> None:
        self.done = asyncio.Event()
        self._then = then
        self._left = count

    async def claim(self, requests: Sequence[tuple[Message, bool]]) -> list[Claimed]:
        raise AssertionError(f"{len(requests)} were looked at: this run is void")

    async def claim_plain(self, messages: Sequence[Message]) -> list[Claimed]:
        await asyncio.sleep(WAY_S)
        now = datetime.now(UTC)
        claimed = Claimed(
            notification=Notification(
                id=new_id(), role=Role.RECIPIENT, channel=ChannelName.WEBHOOK, recipient="http://a"
            ),
            row=InFlight(seq=0, step=0, attempt=1),
            token=b"",
            ladder="default",
            tier=1,
            due_at=now,
            now=now,
            until=now + LEASE,
            asked_s=monotonic(),
        )
        return [claimed] * len(messages)

    async def record(self, attempts: Sequence[Attempted]) -> list[Recorded]:
        await asyncio.sleep(WAY_S)
        self._left -= len(attempts)
        if not self._left:
            self.done.set()
        state = State.SENT if self._then is None else State.WAITING
        return [Recorded(state=state, next=self._then)] * len(attempts)

    async def release(self, claims: Sequence[PutOff]) -> list[Recorded]:
        raise AssertionError(f"{len(claims)} were put off: this run is void")


class FakeChannel:
    name = ChannelName.WEBHOOK
    protected_for: timedelta | None = None
    timeout = timedelta(seconds=15)

    async def send(self, notification: Notification) -> Outcome | Held:
        await asyncio.sleep(WAY_S)
        return Sent()

    async def close(self) -> None:
        return


class FakePauses:
    async def read(self) -> Mapping[str, datetime | None]:
        return {}

    async def pause(self, scope: str, *, until: datetime | None, reason: str, who: str) -> None:
        raise AssertionError(f"{scope} was paused: this run is void")


class FakeSink:
    name = "nowhere"

    async def write(self, lines: Sequence[Line]) -> None:
        return
