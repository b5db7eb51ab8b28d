"""What one run accepts, all known from a few numbers: orders, or webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notifier.domain.order import OrderRecord
from notifier.domain.submission import Submission, of_record
from notifier.errors import InvalidInput

MOST_ORDERS = 1_000_000
"""Per run: the order ids of a run are that many numbers from its first millisecond on."""
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticOrder:
    order_id: int
    order_no: str
    designer: str
    """An openid that no other order of any run has; so is the publisher's."""
    publisher: str
    designer_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """count: orders, or webhooks. began: UTC. salt: letters and digits that tell runs of one moment
    apart.
    """

    count: int
    began: datetime
    salt: str

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_ORDERS:
            raise InvalidInput("count", f"{self.count} is not between 1 and {MOST_ORDERS}")

    @property
    def run(self) -> str:
        return f"{self.began:%y%m%d%H%M%S}{self.salt}"

    @property
    def order_prefix(self) -> str:
        return f"LT-{self.run}-"

    @property
    def openid_prefix(self) -> str:
        return f"oLT{self.run}-"

    @property
    def endpoint_prefix(self) -> str:
        """Of the synthetic endpoints' names, which begin with a word of the load test's own."""
        return f"loadtest-{self.run}-"

    def order_no(self, number: int) -> str:
        return f"{self.order_prefix}{number:07}"

    def orders(self, numbers: range) -> list[SyntheticOrder]:
        first = (self.began - EPOCH) // MILLISECOND * MOST_ORDERS
        return [
            SyntheticOrder(
                order_id=first + number,
                order_no=self.order_no(number),
                designer=f"{self.openid_prefix}d{number:07}",
                publisher=f"{self.openid_prefix}p{number:07}",
                designer_id=number + 1,
            )
            for number in numbers
        ]


def submissions_of(orders: Sequence[SyntheticOrder], began: datetime) -> list[Submission]:
    """The designers' notifications, due after the ladder's first delay.

    The same orders give the same dedupe keys, so that accepting them again changes nothing.
    """
    submissions = []
    for order in orders:
        record = OrderRecord(
            order_no=order.order_no,
            order_id=order.order_id,
            claim_deadline=began.replace(microsecond=0),
            openid=order.designer,
            designer_name=f"load test {order.designer_id}",
            designer_id=order.designer_id,
        )
        # No moment: whose clock is ahead must not decide when it is due.
        submissions.append(replace(of_record(record, order_book="loadtest"), due_at=None))
    return submissions
