"""From lines of text to submissions: every line is judged before one is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from notifier.dispatch.ordering import Designer, OrderReader, Timing
from notifier.domain.notice import Notice, Offer, submission_of
from notifier.domain.notice_document import parse_notice
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput

FindFaults = Callable[[Sequence[Submission]], Awaitable[Mapping[int, InvalidInput]]]


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

    faults: what the tables alone can tell: a key that was used, an endpoint that there is not.
    """

    def __init__(
        self,
        *,
        orders: OrderReader,
        faults: FindFaults,
        notices: NoticeReader,
        designer: Designer | None,
        timing: Timing,
        again: bool,
    ) -> None:
        self._orders = orders
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
        return await self._orders.read(
            asked, self._designer, timing=self._timing, again=self._again
        )

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
