"""Publishes that wait for the broker's confirm, many at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from pamqp.common import FieldTable

from notifier.broker import frames
from notifier.broker.mechanism import Address
from notifier.broker.wire import DirectChannel, DirectConnection, Writer
from notifier.errors import BrokerUnavailable


class Confirms:
    """The publishes of one channel: frames that wait to be written, futures that wait for confirms.

    on_nack: called when the broker refuses one.
    Confirms count from 1 on each channel. Source: RabbitMQ, Publisher Confirms.
    """

    def __init__(
        self,
        transport: DirectConnection,
        channel: DirectChannel,
        *,
        timeout_s: float,
        on_nack: Callable[[], None],
    ) -> None:
        self._channel = channel
        self._on_nack = on_nack
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._frames: list[bytes] = []
        self._methods: dict[Address, bytes] = {}
        self._pending: dict[int, tuple[asyncio.Future[None], float]] = {}
        self._last_tag = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writer = Writer(transport, self._collect)
        channel.on_confirm = self._on_confirm

    def send(
        self, address: Address, body: bytes, *, headers: FieldTable, message_id: str
    ) -> asyncio.Future[None]:
        channel = self._channel
        content = frames.content(
            channel.number,
            body,
            headers=headers,
            message_id=message_id,
            most=channel.max_content_size,
        )
        if not self._frames:
            self._writer.wake()
        self._frames += (self._method(address), content)
        self._last_tag += 1
        future = self._loop.create_future()
        self._pending[self._last_tag] = (future, self._loop.time() + self._timeout_s)
        self._watch()
        return future

    def fail(self, reason: str) -> None:
        self._writer.abandon()
        if self._timer is not None:
            self._timer.cancel()
        self._settle(self._last_tag, f"RabbitMQ did not confirm: {reason}")

    def _method(self, address: Address) -> bytes:
        frame = self._methods.get(address)
        if frame is None:
            frame = self._methods[address] = frames.publish(
                self._channel.number,
                exchange=address.exchange,
                routing_key=address.routing_key,
                mandatory=address.mandatory,
            )
        return frame

    def _collect(self) -> bytes:
        written = b"".join(self._frames)
        self._frames.clear()
        return written

    def _on_confirm(self, tag: int, multiple: bool, accepted: bool) -> None:
        error = "" if accepted else "RabbitMQ refused the message (basic.nack)"
        if multiple:
            self._settle(tag or self._last_tag, error)
        elif tag in self._pending:
            _answer(self._pending.pop(tag)[0], error)
        if not accepted:
            self._on_nack()

    def _watch(self) -> None:
        """One timer, for the oldest; a timer for each publish would cost more than the publish."""
        if self._timer is None and self._pending:
            _, deadline = next(iter(self._pending.values()))
            self._timer = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._loop.time()
        late = [tag for tag, (_, deadline) in self._pending.items() if deadline <= now]
        error = f"RabbitMQ did not confirm within {self._timeout_s:g} s"
        self._settle(max(late, default=0), error)
        self._watch()

    def _settle(self, up_to: int, error: str) -> None:
        """Answer all pending ones up to this tag; they are in the order of their tags.

        error: why not, "" for those that are confirmed.
        """
        for tag in list(itertools.takewhile(lambda tag: tag <= up_to, self._pending)):
            _answer(self._pending.pop(tag)[0], error)


def _answer(future: asyncio.Future[None], error: str) -> None:
    if future.done():
        return
    if error:
        future.set_exception(BrokerUnavailable(error))
    else:
        future.set_result(None)
