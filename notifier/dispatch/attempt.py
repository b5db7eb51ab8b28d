"""The attempt: from a delivered message to its ack, nothing lost and nothing twice.

Read it with the question "what if the process dies right here": before the claim's commit the
message is delivered again; after it the lease runs out (or the supervisor releases it); after the
send the receiver's id makes the repetition harmless; after the record a redelivered message
publishes the row's later schedule first; after the publish the message is a duplicate with an old
`seq`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TypeVar

import structlog

from notifier.dispatch.batch import Batch
from notifier.dispatch.clock import DatabaseClock
from notifier.dispatch.failpoint import pass_by
from notifier.dispatch.pauses import Pauses
from notifier.dispatch.ports import (
    ClaimResult,
    ClaimStore,
    Delivery,
    Publisher,
    RecordStore,
    RunLog,
)
from notifier.dispatch.sending import Sending
from notifier.dispatch.tally import Tally
from notifier.domain.claim import WORTH_WAITING, Forget, NoRow, TooEarly
from notifier.domain.lease import Attempted, Claimed, Ended, PutOff, Recorded, Superseded
from notifier.domain.message import Message
from notifier.domain.notification import Channel, Role
from notifier.domain.outcome import Paused
from notifier.domain.rules import RuleBook
from notifier.errors import (
    BrokerUnavailable,
    DecodeError,
    StoreError,
    StoreUnavailable,
    UnknownVersion,
)

log = structlog.get_logger(__name__)
Request = TypeVar("Request")
Answer = TypeVar("Answer")
TakeForeign = Callable[[Delivery, DecodeError], Awaitable[None]]

UPGRADE_WAIT = timedelta(seconds=30)
"""A newer fleet's message waits this long before it is looked at again."""
LONGEST_BACKOFF_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """batch: most claims or records in one transaction. lanes: transactions at once, of each.

    record_linger_s: a record waits this long for others. Its receiver has been told already, and
    what comes next is due at the attempt's end, whenever that is written down.
    """

    batch: int = 200
    lanes: int = 1
    record_linger_s: float = 0.02


class Attempts:
    """Handles deliveries; one per process, called many times at once."""

    def __init__(
        self,
        *,
        tier: int,
        decode: Callable[[bytes], Message],
        claims: ClaimStore,
        records: RecordStore,
        publisher: Publisher,
        foreign: TakeForeign,
        channels: Mapping[str, Channel],
        pauses: Pauses,
        rule_book: RuleBook,
        run_log: RunLog,
        tally: Tally,
        limits: Limits,
    ) -> None:
        self._tier = tier
        self._decode = decode
        self._publisher = publisher
        self._foreign = foreign
        self._sending = Sending(channels, pauses=pauses, rule_book=rule_book)
        self._places = rule_book.places
        self._run_log = run_log
        self._tally = tally
        self._claim = Batch[tuple[Message, bool], ClaimResult](
            claims.claim, most=limits.batch, lanes=limits.lanes
        )
        self._claim_plain = Batch[Message, Claimed | None](
            claims.claim_plain, most=limits.batch, lanes=limits.lanes
        )
        self._record = Batch[Attempted, Recorded](
            records.record, most=limits.batch, lanes=limits.lanes, linger_s=limits.record_linger_s
        )
        self._release = Batch[PutOff, Recorded](records.release, most=limits.batch)
        self._is_store_away = False
        self._clock = DatabaseClock()

    def drain(self) -> None:
        """Begin no attempt any more; those that are under way come to their end."""
        self._sending.draining = True

    async def handle(self, delivery: Delivery) -> None:
        """Perform one attempt and ack. Raises BrokerUnavailable: leave it to be delivered again."""
        try:
            message = self._decode(delivery.body)
        except UnknownVersion as error:
            log.warning("message.of_newer_version", error=str(error))
            await self._publisher.postpone(delivery.body, tier=self._tier, delay=UPGRADE_WAIT)
            delivery.ack()
            return
        except DecodeError as error:
            await self._patiently(self._take_foreign, (delivery, error))
            delivery.ack()
            return
        await self._wait_for_its_moment(self._clock.left(message.due_at))
        if self._sending.draining:
            return
        try:
            result = await self._claim_at_its_moment(message, delivery)
        except StoreError as error:
            # Waiting mends nothing here, a person must; the sweeper brings it again, ever more
            # rarely, and no queue turns in circles.
            self._tally.failed(str(error))
            log.error("claim.refused", order_no=message.order_no, error=str(error))
        else:
            await self._follow(result, delivery, message)
        delivery.ack()

    def _take_foreign(self, request: tuple[Delivery, DecodeError]) -> Awaitable[None]:
        return self._foreign(*request)

    async def _claim_at_its_moment(self, message: Message, delivery: Delivery) -> ClaimResult:
        request = (message, delivery.redelivered)
        asked_s = monotonic()
        result = await self._claim_once(message, request)
        if isinstance(result, Claimed):
            self._clock.learn(result.now, result.asked_s)
        elif isinstance(result, TooEarly) and result.remaining <= WORTH_WAITING:
            self._clock.learn(message.due_at - result.remaining, asked_s)
            await self._wait_for_its_moment(result.remaining)
            return await self._patiently(self._claim, request)
        return result

    async def _claim_once(self, message: Message, request: tuple[Message, bool]) -> ClaimResult:
        if message.role is not Role.DESIGNER and not request[1]:
            claimed = await self._patiently(self._claim_plain, message)
            if claimed is not None:
                return claimed
        return await self._patiently(self._claim, request)

    async def _wait_for_its_moment(self, left: timedelta | None) -> None:
        """A message that comes a little too early waits here; one much too early goes back."""
        if left is not None and timedelta(0) < left <= WORTH_WAITING:
            await asyncio.sleep(left.total_seconds())

    async def _follow(self, result: ClaimResult, delivery: Delivery, message: Message) -> None:
        match result:
            case Claimed():
                await self._attempt(result)
            case TooEarly(remaining=remaining):
                delay = self._places.delays.fit(remaining)
                await self._publisher.publish(message, delay=delay)
            case Superseded(message=later, delay=delay):
                await self._publisher.publish(later, delay=delay)
            case NoRow():
                await self._publisher.publish_dead(delivery.body, delivery.headers, "no_row")
                log.warning("message.without_row", notification=str(message.notification_id))
            case Ended(state=state, reason=reason):
                self._tally.ended(state)
                self._run_log.ended(message, reason)
            case Forget(reason=reason):
                log.debug("message.forgotten", order_no=message.order_no, reason=reason)

    async def _attempt(self, claimed: Claimed) -> None:
        announcing = [
            asyncio.create_task(self._announce(claimed, message)) for message in claimed.publish
        ]
        try:
            attempted = await self._sending.send(claimed)
            recorded = await self._settle(attempted)
        finally:
            if announcing:
                await asyncio.gather(*announcing)
        pass_by("before_republish")
        if recorded.next is not None:
            await self._publisher.publish(recorded.next, delay=self._left(claimed, recorded.next))
        pass_by("before_ack")

    async def _settle(self, attempted: Attempted | PutOff) -> Recorded:
        if isinstance(attempted, PutOff):
            self._tally.released()
            return await self._patiently(self._release, attempted)
        pass_by("before_record")
        recorded = await self._patiently(self._record, attempted)
        self._tally.attempted(attempted, recorded)
        self._run_log.attempted(attempted, recorded)
        if isinstance(attempted.outcome, Paused):
            await self._sending.pause(attempted, attempted.outcome)
        return recorded

    async def _announce(self, claimed: Claimed, message: Message) -> None:
        """The created notification is committed: what the broker refuses the sweeper brings."""
        try:
            await self._publisher.publish(message, delay=self._left(claimed, message))
        except BrokerUnavailable as error:
            log.warning("publish.left_to_sweeper", order_no=message.order_no, error=str(error))

    def _left(self, claimed: Claimed, message: Message) -> timedelta:
        """Until the message is due, by the database's time carried on with our monotonic clock."""
        now = claimed.now + timedelta(seconds=monotonic() - claimed.asked_s)
        return self._places.delay_until(message.due_at, now)

    def _say_away(self, error: str) -> None:
        """Once, not once for each of the hundreds that wait."""
        if not self._is_store_away:
            log.warning("store.away", error=error)
        self._is_store_away = True

    async def _patiently(
        self, do: Callable[[Request], Awaitable[Answer]], request: Request
    ) -> Answer:
        """While the database is away, deliveries are held; nothing is nacked in a loop."""
        backoff = 0.1
        while True:
            try:
                answer = await do(request)
            except StoreUnavailable as error:
                self._tally.failed(str(error))
                self._say_away(str(error))
            else:
                self._is_store_away = False
                return answer
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF_S)
