"""The address that WeChat calls: every receipt is on record before it is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from notifier.channels.wechat.callback import LARGEST, Callback, CallbackRefused
from notifier.dispatch.batch import Batch
from notifier.dispatch.ending import end
from notifier.dispatch.failpoint import pass_by
from notifier.dispatch.resending import Resending
from notifier.domain.receipt import Receipt
from notifier.gateway.part import Gateway
from notifier.gateway.problem import Problem
from notifier.gateway.reading import read_body
from notifier.store.receipts import Receipts
from notifier.wiring.receipts import callback_of

MOST = 200
PATH = "/wechat/callback"

logger = structlog.get_logger(__name__)


@asynccontextmanager
async def part(gateway: Gateway) -> AsyncIterator[APIRouter]:
    """Without [wechat] callback_token there is no such address. Raises SettingsError."""
    router = APIRouter(tags=["wechat"])
    callback = callback_of(gateway.settings)
    if callback is None:
        yield router
        return
    routes = _Routes(callback, gateway.tools.receipts)
    router.get(PATH, include_in_schema=False)(routes.echo)
    router.post(PATH, include_in_schema=False)(routes.take)
    async with asyncio.TaskGroup() as group:
        resending = group.create_task(Resending(gateway.tools.receipts).run())
        yield router
        await end([resending])


@contextmanager
def _refusing() -> Iterator[None]:
    """Raises Problem 403."""
    try:
        yield
    except CallbackRefused as error:
        logger.warning("wechat_callback_refused", reason=str(error))
        raise Problem(403, f"refused: {error}") from None


class _Routes:
    def __init__(self, callback: Callback, store: Receipts) -> None:
        async def keep(receipts: Sequence[Receipt]) -> Sequence[None]:
            await store.keep(receipts)
            return [None] * len(receipts)

        self._callback = callback
        # An account has had 70,000 of them within five minutes.
        self._keep: Batch[Receipt, None] = Batch(keep, most=MOST)

    async def echo(self, request: Request) -> Response:
        with _refusing():
            text = self._callback.echo(request.query_params, now_s=time.time())
        return PlainTextResponse(text, headers={"x-content-type-options": "nosniff"})

    async def take(self, request: Request) -> Response:
        """WeChat asks three times in all if it does not read `success` within five seconds."""
        body = await read_body(request)
        if len(body) > LARGEST:
            raise Problem(413, f"the body is larger than {LARGEST // 1024} KiB")
        with _refusing():
            receipt = self._callback.receipt(request.query_params, body, now_s=time.time())
        if receipt is not None:
            await self._keep(receipt)
            pass_by("receipt_before_answer")
        return PlainTextResponse("success")
