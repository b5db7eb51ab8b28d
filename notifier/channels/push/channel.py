"""Tells a user who is connected to a gateway; told is who acknowledges."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol
from uuid import UUID

from notifier.channels.push.frame import encode
from notifier.domain.notification import ChannelName, Notification
from notifier.domain.outcome import Held, Outcome, Permanent, Retry, Sent
from notifier.domain.push import Heard
from notifier.errors import InvalidInput, Unavailable

AWAY = timedelta(seconds=3)
"""How long a push rests when nothing could carry it: that is no fault of the user's."""
MARGIN = timedelta(seconds=6)
"""For Redis to answer, before and after."""


class Line(Protocol):
    async def push(self, user: str, id_: UUID, frame: bytes, *, within: timedelta) -> Heard:
        """Raises Unavailable: nobody can be reached now."""
        ...

    async def close(self) -> None: ...


class PushChannel:
    """Implements `notifier.domain.notification.Channel`; connects on first use."""

    name = ChannelName.PUSH
    # A client knows a repetition by its id.
    protected_for: timedelta | None = None

    def __init__(self, line: Line, *, ack_within: timedelta) -> None:
        """line: closed with the channel."""
        self._line = line
        self._ack_within = ack_within
        self.timeout = ack_within + MARGIN

    async def send(self, notification: Notification) -> Outcome | Held:
        try:
            frame = encode(notification)
        except InvalidInput as error:
            return Permanent(code="bad_message", detail=str(error))
        try:
            heard = await self._line.push(
                notification.recipient, notification.id, frame, within=self._ack_within
            )
        except Unavailable:
            return Held(wait=AWAY, reason="redis_away", is_exact=False)
        match heard:
            case Heard.ACKNOWLEDGED:
                return Sent(code="acknowledged")
            case Heard.NOBODY:
                return Retry(code="not_connected", detail="no client of this user is connected")
            case Heard.SILENT:
                seconds = f"{self._ack_within.total_seconds():g}"
                return Retry(code="not_acknowledged", detail=f"by no client within {seconds} s")

    async def close(self) -> None:
        await self._line.close()
