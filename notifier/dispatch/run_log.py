"""A line per attempt, in the seed documents' format, into any number of sinks.

No sink can stop or slow delivery: lines wait in a bounded queue, the oldest fall out, and a sink
that fails is counted and tried again with the next lines.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from notifier.domain.lease import Attempted, Recorded
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role, State
from notifier.domain.outcome import Sent

log = structlog.get_logger(__name__)

FLUSH_EVERY_S = 0.2
MOST_WAITING = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """at: UTC. tier: seconds."""

    at: datetime
    tier: int
    content: str
    runtime: timedelta


class Sink(Protocol):
    name: str

    async def write(self, lines: Sequence[Line]) -> None: ...


class BufferedRunLog:
    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks
        self._waiting: deque[Line] = deque(maxlen=MOST_WAITING)
        self._some = asyncio.Event()
        self.failures = 0

    def attempted(self, attempted: Attempted, recorded: Recorded) -> None:
        if self._sinks:
            self._add(line_of(attempted, recorded))

    def ended(self, message: Message, reason: str) -> None:
        if self._sinks:
            self._add(line_of_end(message, reason))

    async def run(self) -> None:
        """Flush until cancelled, and once more then."""
        try:
            while True:
                await self._some.wait()
                await asyncio.sleep(FLUSH_EVERY_S)
                await self._flush()
        finally:
            await self._flush()

    def _add(self, line: Line) -> None:
        self._waiting.append(line)
        self._some.set()

    async def _flush(self) -> None:
        lines = list(self._waiting)
        self._waiting.clear()
        self._some.clear()
        if not lines:
            return
        for sink in self._sinks:
            try:
                await sink.write(lines)
            except Exception as error:  # whatever a sink does, delivery goes on
                self.failures += 1
                log.warning(
                    "run_log.sink_failed", sink=sink.name, lines=len(lines), error=str(error)
                )


def line_of(attempted: Attempted, recorded: Recorded) -> Line:
    """The designer-order how-to's texts, and after them what they left out."""
    claimed = attempted.claimed
    late = attempted.began - claimed.due_at
    return Line(
        at=attempted.ended,
        tier=claimed.tier,
        content=(
            f"{_verdict(attempted, recorded)} ({claimed.notification.role}, "
            f"attempt {claimed.row.attempt}, tier {claimed.tier}s, "
            f"{late.total_seconds() * 1000:.1f} ms late)"
        ),
        runtime=attempted.ended - attempted.began,
    )


def line_of_end(message: Message, reason: str) -> Line:
    """No attempt was made; the moment is the one it was due."""
    known = reason == "already_dispatched"
    return Line(
        at=message.due_at,
        tier=message.tier,
        content=f"{message.order_no}{'已经派单过' if known else f'派单取消, {reason}'}",
        runtime=timedelta(0),
    )


def _on_one_line(text: str) -> str:
    """What a receiver answers shall not begin a line, nor steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


_FAILED = {
    ChannelName.WECHAT: "微信推送失败",
    ChannelName.WEBHOOK: "回调通知失败",
    ChannelName.PUSH: "推送失败",
    ChannelName.TASK: "任务失败",
}


def _verdict(attempted: Attempted, recorded: Recorded) -> str:
    notification = attempted.claimed.notification
    name = notification.order_no or str(notification.id)
    told = isinstance(attempted.outcome, Sent)
    outcome = attempted.outcome
    error = "ok" if told else _on_one_line(f"{outcome.code} {outcome.detail}")
    if notification.role is Role.DESIGNER:
        text = f"{name}派单{'成功' if told else '失败'}, errmsg:{error}"
    elif told:
        text = f"执行成功,订单号:{name}"
    else:
        text = f"{name}{_FAILED[notification.channel]},{error}"
    return text if recorded.state in (State.SENT, State.WAITING) else f"{text} [{recorded.state}]"
