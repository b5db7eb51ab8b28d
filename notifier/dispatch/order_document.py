"""An order as a JSON object: what `notifier publish --order` and its options say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from notifier.dispatch.ordering import Designer, OrderReader, Timing
from notifier.domain.notice import check_key, check_timing, dedupe_key
from notifier.domain.notice_document import Fields
from notifier.domain.order import (
    LARGEST_ID,
    SEPARATOR,
    check_name,
    check_openid,
    check_order_no,
    shorten,
)
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput

DESIGNER = ("openid", "designer_id", "designer_name")
NAMES = ("order", *DESIGNER, "at", "delay", "ladder", "deadline", "again", "idempotency_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAsked:
    """text: a record, or a number, which needs the designer."""

    text: str
    designer: Designer | None
    timing: Timing
    again: bool
    idempotency_key: str | None

    async def submission(self, orders: OrderReader) -> Submission:
        """Raises InvalidInput, StoreUnavailable."""
        read = await orders.read(self.text, self.designer, timing=self.timing, again=self.again)
        key = self.idempotency_key
        return (
            read if key is None else replace(read, idempotency_key=key, dedupe_key=dedupe_key(key))
        )


def is_order(document: Mapping[str, object]) -> bool:
    return document.get("order") is not None


def order_of(
    document: Mapping[str, object], zone: tzinfo, *, ladders: Collection[str], now: datetime
) -> OrderAsked:
    """null is as good as left out. Raises InvalidInput that names the field and the value."""
    given = {name: value for name, value in document.items() if value is not None}
    for name in given:
        if name not in NAMES:
            raise InvalidInput(name, f"of an order there are {', '.join(NAMES)}")
    fields = Fields(given, zone)
    again = given.get("again", False)
    if not isinstance(again, bool):
        raise InvalidInput("again", f"{shorten(str(again))} is neither true nor false")
    key = check_key(fields.text("idempotency_key")) if "idempotency_key" in given else None
    if again and key is not None:
        raise InvalidInput("again", "is for a record that was accepted; with a key, take a new one")
    return OrderAsked(
        text=fields.text("order"),
        designer=_designer(fields),
        timing=_timing(fields, ladders, now),
        again=again,
        idempotency_key=key,
    )


def _timing(fields: Fields, ladders: Collection[str], now: datetime) -> Timing:
    timing = Timing(
        at=fields.moment("at"),
        delay=fields.delay(),
        deadline=fields.moment("deadline"),
        ladder=fields.text("ladder", "default"),
    )
    check_timing(timing.at, timing.delay, deadline=timing.deadline, now=now)
    if timing.ladder not in ladders:
        known = ", ".join(ladders)
        raise InvalidInput("ladder", f"there is no {shorten(timing.ladder)}; there are {known}")
    return timing


def _designer(fields: Fields) -> Designer | None:
    """None for a record, which names its own."""
    named = [name for name in DESIGNER if name in fields.given]
    if SEPARATOR in fields.text("order"):
        if named:
            raise InvalidInput(named[0], "is in the record already; leave it out")
        return None
    check_order_no(fields.text("order").strip(), "order")
    for name in DESIGNER:
        if name not in named:
            raise InvalidInput(
                name, f"is missing: who gets the order? Give {', '.join(DESIGNER)}, or a record"
            )
    return Designer(
        openid=check_openid(fields.text("openid")),
        name=check_name("designer_name", fields.text("designer_name")),
        id=_id("designer_id", fields.given["designer_id"]),
    )


def _id(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_ID:
        raise InvalidInput(name, f"{shorten(str(value))} is no number between 0 and {LARGEST_ID}")
    return value
