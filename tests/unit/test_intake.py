"""Intake: committed first; a broker that is away breaks no promise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from notifier.dispatch.intake import Intake
from notifier.domain.message import Message
from notifier.domain.notification import ChannelName, Role, State, new_id
from notifier.domain.submission import Accepted, Submission
from notifier.errors import BrokerUnavailable, StoreUnavailable

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SUBMISSION = Submission(role=Role.RECIPIENT, channel=ChannelName.WECHAT, recipient="oLvqQwo25p5")


@dataclass
class Batch:
    accepted: list[Accepted]
    publish: list[tuple[Message, timedelta]]


@dataclass
class Store:
    away_after_commit: bool = False
    hastened: list[UUID] = field(default_factory=list)

    async def accept(self, submissions: Sequence[Submission]) -> Batch:
        message = Message(
            notification_id=new_id(),
            seq=1,
            attempt=1,
            tier=1,
            due_at=NOW,
            channel=ChannelName.WECHAT,
            role=Role.RECIPIENT,
        )
        accepted = Accepted(id=message.notification_id, state=State.WAITING, due_at=NOW, new=True)
        return Batch(accepted=[accepted], publish=[(message, timedelta(seconds=1))])

    async def hasten(self, ids: Sequence[UUID]) -> None:
        if self.away_after_commit:
            raise StoreUnavailable("MySQL went away")
        self.hastened += ids


class AwayPublisher:
    async def publish(self, message: Message, *, delay: timedelta) -> None:
        raise BrokerUnavailable("away")

    async def publish_many(self, messages: Iterable[tuple[Message, timedelta]]) -> None:
        raise BrokerUnavailable("away")

    async def postpone(self, body: bytes, *, tier: int, delay: timedelta) -> None:
        raise BrokerUnavailable("away")

    async def publish_dead(self, body: bytes, headers: Mapping[str, object], reason: str) -> None:
        raise BrokerUnavailable("away")


async def test_what_the_broker_does_not_take_is_accepted_and_hastened() -> None:
    store = Store()
    receipt = await Intake(store, AwayPublisher()).accept([SUBMISSION])
    assert receipt.held_up == "away"
    assert store.hastened == [item.id for item in receipt.accepted]


async def test_no_publisher_at_all_is_a_broker_that_is_away() -> None:
    receipt = await Intake(Store(), None).accept([SUBMISSION])
    assert "RabbitMQ" in receipt.held_up


async def test_what_is_committed_is_accepted_though_the_database_goes_away_then() -> None:
    receipt = await Intake(Store(away_after_commit=True), AwayPublisher()).accept([SUBMISSION])
    assert len(receipt.accepted) == 1
    assert receipt.held_up == "away"
