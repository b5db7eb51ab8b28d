"""The data port: reads a call, lets pure code decide, writes the effect to disk, then answers."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from aiohttp import web

from notifier.sandbox.account import Account
from notifier.sandbox.actions import BEFORE, Action, afterwards, instead
from notifier.sandbox.answers import Answer, Delivery
from notifier.sandbox.calls import Call, endpoint_of, message_of, plain_text, query_of
from notifier.sandbox.effects import EffectJournal
from notifier.sandbox.endpoints import ENDPOINTS
from notifier.sandbox.http_protocol import TimedProtocol
from notifier.sandbox.options import SERVER_NAME
from notifier.sandbox.receipts import ReceiptSender
from notifier.sandbox.rules import RuleBook
from notifier.sandbox.wire import Wire

_DRIPS_PER_S = 20


class DataPort:
    """Handles the calls of the HTTPS port and of the plain webhook port."""

    def __init__(
        self, account: Account, journal: EffectJournal, *, wire: Wire, receipts: ReceiptSender
    ) -> None:
        self.rules = RuleBook()
        self._account = account
        self._journal = journal
        self._wire = wire
        self._receipts = receipts

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        protocol = cast(TimedProtocol, request.protocol)
        call = await _read(request, protocol)
        answer = await self._answer(call)
        self._wire.note(call, answer, answered_at=time.time())
        return await _delivered(answer, request, protocol)

    async def _answer(self, call: Call) -> Answer:
        actions = self.rules.apply(call)
        if not actions:
            return await self._own_answer(call, ())
        for action in actions:
            if action.name in BEFORE:
                await self._happen(action)
        answer = instead(actions) or await self._own_answer(call, actions)
        return afterwards(answer, actions)

    async def _own_answer(self, call: Call, actions: tuple[Action, ...]) -> Answer:
        answer = ENDPOINTS[call.endpoint](call, self._account, self._account.now())
        if answer.row is not None:
            await self._journal.append(answer.row)
            if answer.row["kind"] == "wechat":
                self._receipts.tell(answer.row, actions)
        return answer

    async def _happen(self, action: Action) -> None:
        if action.name == "delay":
            await asyncio.sleep(action.number / 1000)
        elif action.name == "clock":
            self._account.clock_offset_s += action.number
        else:
            is_stuck = action.argument == "stuck"
            self._account.tokens.revoke(self._account.now(), is_stuck=is_stuck)


async def _read(request: web.BaseRequest, protocol: TimedProtocol) -> Call:
    received_at = protocol.first_byte_at()
    try:
        body: bytes | None = await request.read()
    except web.HTTPRequestEntityTooLarge:
        body = None
    protocol.expect_next()
    path, _, query = plain_text(request.raw_path).partition("?")
    return Call(
        endpoint=endpoint_of(path),
        method=request.method,
        path=path,
        query=query_of(query),
        headers=request.headers,
        body=body,
        message=message_of(body),
        is_https=protocol.ssl_context is not None,
        remote_ip=request.remote or "",
        received_at=received_at,
    )


async def _delivered(
    answer: Answer, request: web.BaseRequest, protocol: TimedProtocol
) -> web.StreamResponse:
    if answer.delivery is Delivery.RESET:
        protocol.reset()
    elif answer.delivery is Delivery.HUNG:
        await protocol.gone.wait()
    if answer.is_last:
        protocol.close()
    headers = {"Server": SERVER_NAME, "Content-Type": answer.content_type, **dict(answer.headers)}
    if answer.delivery is Delivery.DRIPPED:
        return await _dripped(answer, request, headers)
    return web.Response(status=answer.status, body=answer.body, headers=headers)


async def _dripped(
    answer: Answer, request: web.BaseRequest, headers: dict[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    drip = max(1, answer.bytes_per_s // _DRIPS_PER_S)
    for start in range(0, len(answer.body), drip):
        await response.write(answer.body[start : start + drip])
        await asyncio.sleep(drip / answer.bytes_per_s)
    return response
