"""The publisher's own notification, created with the dispatch of his order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role, State, new_id
from notifier.domain.placement import Placement
from notifier.store.mysql import Cursor
from notifier.store.sql import Rendered, listed, tuples

NO_ADDRESS = "no_publisher_address"

COLUMNS = (
    "id",
    "dedupe_key",
    "parent_id",
    "role",
    "channel",
    "recipient",
    "order_book",
    "order_no",
    "order_id",
    "designer_id",
    "designer_name",
    "ladder",
    "state",
    "reason",
    "tier",
    "due_at",
    "next_sweep_at",
    "dispatched_at",
    "accepted_at",
    "settled_at",
)


class DesignerRow(Protocol):
    @property
    def id(self) -> bytes: ...
    @property
    def channel(self) -> str: ...
    @property
    def order_book(self) -> str: ...
    @property
    def order_no(self) -> str: ...
    @property
    def order_id(self) -> int | None: ...
    @property
    def designer_id(self) -> int | None: ...
    @property
    def designer_name(self) -> str | None: ...
    @property
    def ladder(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Start:
    """Where and when the publishers' notifications of one transaction begin.

    moments_told, moments_dead: a row's last five columns, of one with and of one without an
    address; rendered once for all.
    """

    placement: Placement
    moments_told: Rendered
    moments_dead: Rendered


def start_of(placement: Placement, now: datetime) -> Start:
    due_at, sweep_at = placement.due_at, placement.next_sweep_at
    return Start(
        placement=placement,
        moments_told=listed((due_at, sweep_at, now, now, None)),
        moments_dead=listed((due_at, None, now, now, now)),
    )


def publisher_of(
    designer: DesignerRow, address: str, start: Start
) -> tuple[tuple[Any, ...], Message | None]:
    """The row's values in the order of COLUMNS, the moments in one, and its message.

    An absent address is reported, never guessed: the row is dead from the start, without a
    message.
    """
    notification_id = new_id()
    told = bool(address)
    placement = start.placement
    values = (
        notification_id.bytes,
        hashlib.sha256(b"publisher:" + designer.id).digest(),
        designer.id,
        Role.PUBLISHER.value,
        designer.channel,
        address,
        designer.order_book,
        designer.order_no,
        designer.order_id,
        designer.designer_id,
        designer.designer_name,
        designer.ladder,
        placement.state.value if told else State.DEAD.value,
        "" if told else NO_ADDRESS,
        placement.tier,
        start.moments_told if told else start.moments_dead,
    )
    if not told or placement.state is not State.WAITING:
        return values, None
    return values, _message(notification_id, designer, placement)


def _message(notification_id: UUID, designer: DesignerRow, placement: Placement) -> Message:
    return Message(
        notification_id=notification_id,
        seq=1,
        attempt=1,
        tier=placement.tier,
        due_at=placement.due_at,
        channel=ChannelName(designer.channel),
        role=Role.PUBLISHER,
        order_no=designer.order_no,
    )


def insert_publishers(cursor: Cursor, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        cursor.later(
            f"INSERT INTO notifier_notification ({', '.join(COLUMNS)}) VALUES %s", [tuples(rows)]
        )
