"""From a record, or the number of an order, to the designer's notification."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notifier.domain.order import (
    NO_EXPIRY,
    OPENID,
    SEPARATOR,
    OrderRecord,
    OrderRow,
    check_name,
    check_order_no,
    parse_record,
    shorten,
)
from notifier.domain.submission import Submission, of_record
from notifier.errors import InvalidInput

FindOrder = Callable[[str], Awaitable[tuple[str, OrderRow] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Designer:
    """For an order that is named by its number only."""

    openid: str
    name: str
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """At most one of at and delay; neither: the record's own expiry, the ladder's first delay.

    deadline: nobody is told after it. ladder: a name from the settings.
    """

    at: datetime | None = None
    delay: timedelta | None = None
    deadline: datetime | None = None
    ladder: str = "default"


def order_submission(
    record: OrderRecord, timing: Timing, *, order_book: str, again: bool
) -> Submission:
    """Due at the end of the claim window, unless the timing says otherwise."""
    submission = replace(
        of_record(record, order_book=order_book, again=again),
        ladder=timing.ladder,
        deadline_at=timing.deadline,
    )
    if timing.at is not None:
        return replace(submission, due_at=timing.at)
    if timing.delay is not None:
        return replace(submission, due_at=None, delay=timing.delay)
    return submission


class OrderReader:
    """find: the order table; None where the settings say that there is none."""

    def __init__(self, find: FindOrder | None) -> None:
        self._find = find

    async def read(
        self, text: str, designer: Designer | None, *, timing: Timing, again: bool
    ) -> Submission:
        """A record, or an order's number with its designer. Raises InvalidInput."""
        if SEPARATOR in text:
            record = parse_record(text)
        else:
            record = await self._by_number(text.strip(), designer)
        book = "orders" if self._find else "none"
        return order_submission(record, timing, order_book=book, again=again)

    async def _by_number(self, number: str, designer: Designer | None) -> OrderRecord:
        check_order_no(number)
        if self._find is None:
            raise InvalidInput("order", "is a number, but [orders] is off; give the whole record")
        found = await self._find(number)
        if found is None:
            raise InvalidInput("order", f"no order {shorten(number)} in the order table")
        if designer is None:
            raise InvalidInput(
                "designer",
                f"who gets order {number}? Give --openid, --designer-id and --designer-name, "
                "or the whole record",
            )
        return OrderRecord(
            order_no=number,
            order_id=found[1].order_id,
            claim_deadline=NO_EXPIRY,
            openid=designer.openid,
            designer_name=designer.name,
            designer_id=designer.id,
        )


def designer_of(openid: str | None, name: str | None, id_: int | None) -> Designer | None:
    """None where nothing is given. Raises InvalidInput where only a part is, or it is bad."""
    if openid is None and name is None and id_ is None:
        return None
    if openid is None or name is None or id_ is None:
        raise InvalidInput("designer", "give all of --openid, --designer-id and --designer-name")
    if not OPENID.fullmatch(openid):
        raise InvalidInput(
            "openid", f"{shorten(openid)} is not 5 to 64 letters, digits, '_' or '-'"
        )
    return Designer(openid=openid, name=check_name("designer_name", name), id=id_)
