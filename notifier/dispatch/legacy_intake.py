"""What older programs put into Redis becomes notifications; it leaves Redis when MySQL has it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol
from uuid import UUID

import structlog

from notifier.dispatch.failpoint import pass_by
from notifier.dispatch.intake import AcceptedBatch, Receipt
from notifier.dispatch.tally import Tally
from notifier.domain.legacy_item import Item
from notifier.domain.notification import State
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput, StoreError, Unavailable

log = structlog.get_logger(__name__)

MOST = 100
"""Entries in one transaction."""
SLOWEST_RETRY_S = 5.0

Judge = Callable[[Item], Submission]
"""Raises InvalidInput."""
FindFaults = Callable[[Sequence[Submission]], Awaitable[Mapping[int, InvalidInput]]]
"""What the tables alone can tell, by place: an endpoint that there is not."""


class Source(Protocol):
    @property
    def name(self) -> str: ...
    async def take(self, most: int) -> list[Item]: ...
    async def remove(self, items: Sequence[Item]) -> None: ...


class Rows(Protocol):
    async def accept(
        self,
        submissions: Sequence[Submission],
        *,
        aside: Sequence[tuple[Item, InvalidInput]] = (),
        mended: int | None = None,
    ) -> AcceptedBatch: ...


class Handover(Protocol):
    async def hand_over(self, batch: AcceptedBatch) -> Receipt: ...
    async def hasten(self, ids: Sequence[UUID]) -> None: ...


class LegacyIntake:
    """poll_s: how often the source is looked at while nothing comes."""

    def __init__(
        self,
        source: Source,
        rows: Rows,
        intake: Handover,
        *,
        judge: Judge,
        faults: FindFaults,
        poll_s: float,
        tally: Tally,
    ) -> None:
        self._source = source
        self._rows = rows
        self._intake = intake
        self._judge = judge
        self._faults = faults
        self._poll_s = poll_s
        self._tally = tally
        self._is_first = True

    async def run(self, draining: asyncio.Event) -> None:
        """Until told to drain; what is begun then is finished. A server away is waited for."""
        wait_s = self._poll_s
        while not draining.is_set():
            try:
                wait_s = 0 if await self.move() else self._poll_s
            except (Unavailable, StoreError) as error:
                self._tally.failed(str(error))
                wait_s = min(max(wait_s, self._poll_s) * 2, SLOWEST_RETRY_S)
                log.warning("intake.waiting", source=self._source.name, error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await draining.wait()

    async def move(self) -> bool:
        """One batch; whether there may be more to do at once. Raises Unavailable, StoreError."""
        items = await self._source.take(MOST)
        if not items:
            return False
        pass_by("intake_after_take")
        try:
            await self._settle(items)
        except (StoreError, InvalidInput) as error:
            # One of them is to blame; the others must not wait for it.
            log.error("intake.refused", source=self._source.name, error=str(error))
            for item in items:
                await self._settle_alone(item)
        self._is_first = False
        return len(items) == MOST

    async def _settle(self, items: Sequence[Item]) -> None:
        good, faults = await self._judged(items)
        aside = [(items[place], fault) for place, fault in faults.items()]
        batch = await self._rows.accept(list(good.values()), aside=aside)
        pass_by("intake_after_commit")
        for item, fault in aside:
            log.warning("intake.kept_aside", source=self._source.name, field=fault.field)
            self._tally.failed(f"{item.way} kept aside: {fault.field}")
        self._tally.published(sum(one.new for one in batch.accepted))
        await self._intake.hand_over(batch)
        if self._is_first:
            await self._hasten(batch)
        pass_by("intake_before_remove")
        await self._source.remove(items)

    async def _hasten(self, batch: AcceptedBatch) -> None:
        """Whoever accepted them before may have died before they were published."""
        known = [one for one in batch.accepted if not one.new and one.state is State.WAITING]
        if known:
            await self._intake.hasten([one.id for one in known])

    async def _judged(
        self, items: Sequence[Item]
    ) -> tuple[dict[int, Submission], dict[int, InvalidInput]]:
        """Both by place."""
        good: dict[int, Submission] = {}
        faults: dict[int, InvalidInput] = {}
        for place, item in enumerate(items):
            try:
                good[place] = self._judge(item)
            except InvalidInput as error:
                faults[place] = error
        places = list(good)
        for found, fault in (await self._faults(list(good.values()))).items():
            faults[places[found]] = fault
            del good[places[found]]
        return good, faults

    async def _settle_alone(self, item: Item) -> None:
        try:
            await self._settle([item])
        except (StoreError, InvalidInput) as error:
            fault = error if isinstance(error, InvalidInput) else InvalidInput("record", str(error))
            await self._rows.accept([], aside=[(item, fault)])
            await self._source.remove([item])
