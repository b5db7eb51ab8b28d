"""From lines of text to submissions: every line is judged before one is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from notifier.domain.notice import Notice, Offer, submission_of
from notifier.domain.notice_document import parse_notice
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
FindFaults = Callable[[Sequence[Submission]], Awaitable[Mapping[int, InvalidInput]]]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """number: from 1. field: the one that is to blame."""

    number: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    good: list[Submission]
    bad: list[BadLine]


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


class NoticeReader:
    """Reads notices. timing: for those that say nothing of their own. zone: for moments."""

    def __init__(self, offer: Offer, *, timing: Timing, zone: tzinfo) -> None:
        self._offer = offer
        self._timing = timing
        self._zone = zone

    def read(self, line: str) -> Submission:
        """A JSON object. Raises InvalidInput."""
        return self.judge(parse_notice(line, self._zone))

    def judge(self, notice: Notice) -> Submission:
        """Raises InvalidInput."""
        timing = self._timing
        if notice.at is None and notice.delay is None:
            notice = replace(notice, at=timing.at, delay=timing.delay)
        if notice.ladder == "default":
            notice = replace(notice, ladder=timing.ladder)
        if notice.deadline is None:
            notice = replace(notice, deadline=timing.deadline)
        return submission_of(notice, self._offer, now=datetime.now(UTC))


class Reader:
    """Reads records, orders by number, and notices.

    find: the order table; None where the settings say that there is none.
    faults: what the tables alone can tell: a key that was used, an endpoint that there is not.
    """

    def __init__(
        self,
        *,
        find: FindOrder | None,
        faults: FindFaults,
        notices: NoticeReader,
        designer: Designer | None,
        timing: Timing,
        again: bool,
    ) -> None:
        self._find = find
        self._faults = faults
        self._notices = notices
        self._designer = designer
        self._timing = timing
        self._again = again

    async def read(self, asked: str | Notice) -> Submission:
        """A notice, also as a JSON object; a record, or an order's number. Raises InvalidInput."""
        if isinstance(asked, Notice):
            return self._notices.judge(asked)
        if asked.lstrip().startswith("{"):
            return self._notices.read(asked)
        return await self._read_order(asked)

    async def judge(self, lines: Iterable[str | Notice]) -> Judged:
        """Every line; empty ones and those that begin with a single # are left out."""
        good: dict[int, Submission] = {}
        bad: dict[int, InvalidInput] = {}
        for number, line in enumerate(lines, 1):
            if isinstance(line, str) and (not line.strip() or line.lstrip().startswith("# ")):
                continue
            try:
                good[number] = await self.read(line)
            except InvalidInput as error:
                bad[number] = error
        numbers = list(good)
        for place, fault in (await self._faults(list(good.values()))).items():
            bad[numbers[place]] = fault
            del good[numbers[place]]
        return Judged(
            good=list(good.values()),
            bad=[
                BadLine(number=number, field=error.field, reason=str(error))
                for number, error in sorted(bad.items())
            ],
        )

    async def _read_order(self, text: str) -> Submission:
        record = parse_record(text) if SEPARATOR in text else await self._by_number(text.strip())
        book = "orders" if self._find else "none"
        return order_submission(record, self._timing, order_book=book, again=self._again)

    async def _by_number(self, number: str) -> OrderRecord:
        check_order_no(number)
        if self._find is None:
            raise InvalidInput("order", "is a number, but [orders] is off; give the whole record")
        found = await self._find(number)
        if found is None:
            raise InvalidInput("order", f"no order {shorten(number)} in the order table")
        if self._designer is None:
            raise InvalidInput(
                "designer",
                f"who gets order {number}? Give --openid, --designer-id and --designer-name, "
                "or the whole record",
            )
        return OrderRecord(
            order_no=number,
            order_id=found[1].order_id,
            claim_deadline=NO_EXPIRY,
            openid=self._designer.openid,
            designer_name=self._designer.name,
            designer_id=self._designer.id,
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
