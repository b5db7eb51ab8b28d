"""Messages on our queues that are not ours: orders of other programs, and what nobody can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog

from notifier.dispatch.batch import Batch
from notifier.dispatch.failpoint import pass_by
from notifier.dispatch.intake import Receipt
from notifier.dispatch.ports import Delivery, Publisher
from notifier.domain.legacy_record import is_json_object, is_meant_as_record, read_record
from notifier.domain.notification import State
from notifier.domain.submission import Accepted, Submission, of_record
from notifier.errors import DecodeError, InvalidInput, StoreError

log = structlog.get_logger(__name__)

MOST = 200
"""Orders in one transaction."""
NOT_ACCEPTED = (
    "record: [amqp] accept_foreign_orders is off; turn it on where whoever may write to the "
    "exchange may dispatch, or hand the record to `notifier publish`"
)


class OrderIntake(Protocol):
    async def accept(self, submissions: Sequence[Submission]) -> Receipt: ...

    async def hasten(self, ids: Sequence[UUID]) -> None: ...


class ForeignOrders:
    """Accepts records as `notifier publish` would. order_book: see Submission.

    claim_window: from now on, for a record without an expiry that was not delayed on its way.
    """

    def __init__(self, intake: OrderIntake, *, order_book: str, claim_window: timedelta) -> None:
        self._intake = intake
        self._order_book = order_book
        self._claim_window = claim_window
        self._accept = Batch[tuple[Submission, bool], Accepted](self._accept_all, most=MOST)

    async def accept(self, delivery: Delivery) -> Accepted:
        """Commit, publish. Raises InvalidInput, StoreError, StoreUnavailable."""
        record = read_record(delivery.body, expiry_needed=False)
        has_waited = bool(delivery.headers.get("x-delay"))
        submission = of_record(
            record,
            order_book=self._order_book,
            claim_window=None if has_waited else self._claim_window,
        )
        if submission.delay is None:
            # Nothing is added where the expiry has passed, not even the ladder's first delay.
            submission = replace(submission, delay=timedelta(0))
        return await self._accept((submission, delivery.redelivered))

    async def _accept_all(self, requests: Sequence[tuple[Submission, bool]]) -> Sequence[Accepted]:
        receipt = await self._intake.accept([submission for submission, _ in requests])
        doubtful = [
            accepted.id
            for accepted, (_, redelivered) in zip(receipt.accepted, requests, strict=True)
            if redelivered and not accepted.new and accepted.state is State.WAITING
        ]
        if doubtful:
            # Who accepted them may have died before they were published.
            await self._intake.hasten(doubtful)
        return receipt.accepted


class ForeignMessages:
    """orders: None where other programs' orders are not accepted."""

    def __init__(self, publisher: Publisher, orders: ForeignOrders | None) -> None:
        self._publisher = publisher
        self._orders = orders

    async def take(self, delivery: Delivery, unreadable: DecodeError) -> None:
        """Accept an order, committed and published; all else goes into the dead queue.

        The caller acks. Raises StoreUnavailable, BrokerUnavailable: take it again, the same order
        is not accepted twice.
        """
        try:
            accepted = await self._order_of(delivery, unreadable)
        except (DecodeError, InvalidInput, StoreError) as refusal:
            await self._publisher.publish_dead(delivery.body, delivery.headers, str(refusal))
            _say(refusal)
        else:
            pass_by("foreign_before_ack")
            log.debug("foreign.accepted", notification=str(accepted.id), new=accepted.new)

    async def _order_of(self, delivery: Delivery, unreadable: DecodeError) -> Accepted:
        """Raises DecodeError, InvalidInput, StoreError: nothing was accepted."""
        if is_json_object(delivery.body):
            raise unreadable
        if self._orders is not None:
            return await self._orders.accept(delivery)
        raise DecodeError(NOT_ACCEPTED) if is_meant_as_record(delivery.body) else unreadable


def _say(refusal: DecodeError | InvalidInput | StoreError) -> None:
    if isinstance(refusal, StoreError):
        log.error("foreign.refused", error=str(refusal))
    elif isinstance(refusal, InvalidInput):
        # Its text shows the value, which may be somebody's openid.
        log.warning("message.unreadable", field=refusal.field)
    else:
        log.warning("message.unreadable", reason=str(refusal))
