"""Sends receipts to the account's server while sends go on being answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
import structlog

from notifier.sandbox.account import Account
from notifier.sandbox.actions import Action
from notifier.sandbox.callback import ReceiptPlan, plan_of, receipt_xml, signed
from notifier.sandbox.options import CallbackTarget

# Source: WeChat's page on receiving events: five seconds, and three tries in all.
_TIMEOUT = aiohttp.ClientTimeout(total=5)
_TRIES = 3
_BETWEEN_TRIES_S = 1.0
_AT_ONCE = 64
_TAKEN = (b"success", b"")

logger = structlog.get_logger(__name__)


class ReceiptSender:
    """One task for each effect; what is under way at the end is lost, as WeChat promises nothing.

    A receipt leaves as soon as its effect is on disk, so it may be there before the answer.
    """

    def __init__(self, account: Account) -> None:
        self.counted: Counter[str] = Counter()
        """`taken`, and `refused` after the last try."""
        self._account = account
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.forget()
        if self._http is not None:
            await self._http.close()

    def tell(self, row: Mapping[str, Any], actions: tuple[Action, ...]) -> None:
        """Begin to tell of an effect, if anybody is to be told."""
        target, plan = self._account.callback, plan_of(actions)
        if target is None:
            return
        for _ in range(plan.times):
            task = asyncio.create_task(self._send(row, target, plan), name="sandbox receipt")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def forget(self) -> None:
        """Give up what is under way and begin anew."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.counted.clear()

    async def _send(
        self, row: Mapping[str, Any], target: CallbackTarget, plan: ReceiptPlan
    ) -> None:
        await asyncio.sleep(plan.after_s)
        problem = ""
        for number in range(_TRIES):
            await asyncio.sleep(_BETWEEN_TRIES_S if number else 0)
            async with self._places:
                problem = await self._try(receipt_xml(row, plan.status), target, plan)
            if not problem:
                self.counted["taken"] += 1
                return
        self.counted["refused"] += 1
        logger.warning("sandbox_receipt_refused", url=target.url, reason=problem)

    async def _try(self, xml: str, target: CallbackTarget, plan: ReceiptPlan) -> str:
        """Why it was not taken, "" if it was."""
        assert self._http is not None  # noqa: S101 - nobody is told before it was entered
        app_id = self._account.app_id
        call = signed(xml, target, app_id=app_id, is_forged=plan.is_forged)
        try:
            async with self._http.post(
                target.url,
                params=call.query,
                data=call.body,
                headers={"Content-Type": "text/xml"},
                allow_redirects=False,
            ) as answer:
                if answer.status == 200 and await answer.content.read(64) in _TAKEN:
                    return ""
                return f"answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"{type(error).__name__}: {error}"
