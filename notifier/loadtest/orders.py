"""Synthetic orders, told through WeChat: designer and publisher of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from notifier.domain.submission import Submission
from notifier.loadtest.generate import batches
from notifier.loadtest.judge import Effect
from notifier.loadtest.load import Rule, refused_at_first
from notifier.loadtest.plan import Plan, submissions_of
from notifier.store.mysql import Database
from notifier.store.orders import LOADTEST_TABLE
from notifier.store.playground import OpenOrder, put_orders


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLoad:
    plan: Plan
    database: Database
    each: ClassVar[int] = 2
    counter: ClassVar[str] = "effects"
    calls: ClassVar[str] = "template_send"

    @property
    def prefix(self) -> str:
        return self.plan.openid_prefix

    @asynccontextmanager
    async def in_place(self) -> AsyncIterator[None]:
        """Before the clock runs: an application's orders are there when they are due."""
        for numbers in batches(self.plan.count):
            orders = [
                OpenOrder(
                    order_id=order.order_id,
                    order_no=order.order_no,
                    publisher_openid=order.publisher,
                )
                for order in self.plan.orders(numbers)
            ]
            await put_orders(self.database, LOADTEST_TABLE, orders)
        yield

    def submissions(self, numbers: range) -> list[Submission]:
        return submissions_of(self.plan.orders(numbers), self.plan.began)

    def whom(self, number: int) -> tuple[str, ...]:
        (order,) = self.plan.orders(range(number, number + 1))
        return order.designer, order.publisher

    def told_by(self, recipient: str, order_no: str) -> str:
        return recipient

    def effect_of(self, row: Mapping[str, Any]) -> Effect | None:
        if row["kind"] != "wechat":
            return None
        return Effect(whom=row["openid"], received_at=row["received_at"], calls=row["wire_count"])

    def rules(self, fail: float) -> list[Rule]:
        return refused_at_first(
            fail,
            {
                "endpoint": self.calls,
                "match": {"openid": f"{self.prefix}*"},
                "per": "client_msg_id",
                "action": "errcode:-1",
            },
        )
