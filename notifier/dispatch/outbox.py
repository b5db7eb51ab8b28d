"""The outbox: what applications committed becomes notifications, and is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

import structlog

from notifier.dispatch.addressing import names_of, no_such
from notifier.dispatch.failpoint import pass_by
from notifier.dispatch.intake import AcceptedBatch, Receipt
from notifier.dispatch.tally import Tally
from notifier.domain.outbox import OutboxRow
from notifier.domain.submission import Submission
from notifier.errors import (
    IdempotencyConflict,
    InvalidInput,
    StoreConflict,
    StoreError,
    StoreUnavailable,
)

log = structlog.get_logger(__name__)

MOST = 100
"""Rows in one transaction; so many of the largest payloads fit into one statement."""
SLOWEST_RETRY_S = 5.0
BUSY_S = 10.0
"""So long after a row there is traffic."""


class InsertedRows(Protocol):
    @property
    def conflicts(self) -> Mapping[int, IdempotencyConflict]: ...
    def acceptance(self) -> AcceptedBatch: ...


class TakenRows(Protocol):
    @property
    def rows(self) -> Sequence[OutboxRow]: ...
    async def known_endpoints(self, names: Sequence[str]) -> set[str]: ...
    async def accept(self, submissions: Sequence[Submission]) -> InsertedRows: ...
    def leave(self, reasons: Mapping[int, str]) -> None: ...


class OutboxStore(Protocol):
    async def has_rows(self) -> bool: ...
    def take(self, most: int) -> AbstractAsyncContextManager[TakenRows]: ...


class Handover(Protocol):
    async def hand_over(self, batch: AcceptedBatch) -> Receipt: ...


class Relay:
    """judge: what a row asks for; raises InvalidInput.

    poll: how often the outbox is looked at while nothing comes; while there is traffic, thrice as
    often.
    """

    def __init__(
        self,
        outbox: OutboxStore,
        intake: Handover,
        *,
        judge: Callable[[OutboxRow], Submission],
        poll: timedelta,
        tally: Tally,
    ) -> None:
        self._outbox = outbox
        self._intake = intake
        self._judge = judge
        self._poll_s = poll.total_seconds()
        self._tally = tally
        self._busy_until_s = 0.0

    async def run(self) -> None:
        """Until cancelled, and what is begun then is finished; a database away is waited for."""
        wait_s = self._poll_s
        while True:
            try:
                wait_s = await self._look()
            except StoreConflict:
                wait_s = 0
            except StoreUnavailable as error:
                self._tally.failed(str(error))
                log.warning("outbox.waiting", error=str(error))
                wait_s = min(max(wait_s, self._poll_s) * 2, SLOWEST_RETRY_S)
            await asyncio.sleep(wait_s)

    async def _look(self) -> float:
        """How long to wait until the next look, seconds."""
        now_s = asyncio.get_running_loop().time()
        if not await self._outbox.has_rows():
            return self._poll_s / 3 if now_s < self._busy_until_s else self._poll_s
        self._busy_until_s = now_s + BUSY_S
        moving = asyncio.create_task(self.move())
        try:
            return 0 if await asyncio.shield(moving) else self._poll_s / 3
        except asyncio.CancelledError:
            await asyncio.wait([moving])
            raise

    async def move(self) -> bool:
        """One batch; whether there may be more to do at once. Raises StoreUnavailable."""
        try:
            return await self._move(MOST) == MOST
        except StoreError as error:
            # One of them is to blame; the others must not wait for it.
            log.error("outbox.refused", error=str(error))
            return await self._move_one_by_one()

    async def _move(self, most: int) -> int:
        """Accept and take out in one transaction, then publish; how many rows were taken."""
        inserted = None
        async with self._outbox.take(most) as taken:
            good, faults = await self._judged(taken)
            if good:
                inserted = await taken.accept(list(good.values()))
                ids = list(good)
                faults |= {ids[place]: fault for place, fault in inserted.conflicts.items()}
            taken.leave({id_: str(fault) for id_, fault in faults.items()})
            pass_by("outbox_before_commit")
        pass_by("outbox_before_publish")
        for id_, fault in faults.items():
            log.warning("outbox.rejected", row=id_, field=fault.field)
        if inserted is not None:
            batch = inserted.acceptance()
            await self._intake.hand_over(batch)
            self._tally.published(len(batch.publish))
        return len(taken.rows)

    async def _judged(
        self, taken: TakenRows
    ) -> tuple[dict[int, Submission], dict[int, InvalidInput]]:
        """Both by row id."""
        good: dict[int, Submission] = {}
        faults: dict[int, InvalidInput] = {}
        for row in taken.rows:
            try:
                good[row.id] = self._judge(row)
            except InvalidInput as error:
                faults[row.id] = error
        ids = list(good)
        if named := names_of(list(good.values())):
            known = await taken.known_endpoints(sorted(set(named.values())))
            for place, fault in no_such(named, known).items():
                faults[ids[place]] = fault
                del good[ids[place]]
        return good, faults

    async def _move_one_by_one(self) -> bool:
        for _ in range(MOST):
            try:
                if not await self._move(1):
                    return False
            except StoreError as error:
                async with self._outbox.take(1) as taken:
                    taken.leave({row.id: str(error) for row in taken.rows})
        return True
