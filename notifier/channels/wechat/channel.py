"""Sends a notification as a WeChat template message."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from yarl import URL

from notifier.channels.addresses import ANYWHERE
from notifier.channels.egress import Egress, EgressFailed, EgressOptions
from notifier.channels.wechat.errcodes import VERDICTS, Verdict, verdict_of_send
from notifier.channels.wechat.message import encode
from notifier.channels.wechat.options import WechatOptions
from notifier.channels.wechat.stable_token import Account, TokenEndpoint, TokenRefused
from notifier.channels.wechat.token import Token, TokenKeeper, TokenStore
from notifier.channels.wechat.verdict import (
    Garbled,
    Reply,
    outcome_of_failure,
    outcome_of_send,
    read_reply,
)
from notifier.domain.notification import ChannelName, Notification
from notifier.domain.outcome import Outcome, Paused, Permanent, Retry, Sent, Unknown
from notifier.errors import InvalidInput

SUSPECTS_TO_BLAME_THE_ACCOUNT = 10
"""So many different people limited in a row, nobody reached between them."""

log = structlog.get_logger(__name__)


class WechatChannel:
    """Implements `notifier.domain.notification.Channel`; connects on first use."""

    name = ChannelName.WECHAT
    # Source: WeChat tells an openid once per client_msg_id, guaranteed for 10 minutes.
    protected_for: timedelta | None = timedelta(seconds=600)

    def __init__(
        self,
        options: WechatOptions,
        *,
        tokens: TokenStore,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """tokens: shared by all processes; closed with the channel.

        Raises SettingsError for a bad CA file.
        """
        self._options = options
        self._store = tokens
        self._now = now
        self._egress = Egress(
            EgressOptions(
                timeout=options.timeout,
                connections=options.connections,
                ca_file=options.ca_file,
                allow=ANYWHERE,
            )
        )
        account = Account(
            app_id=options.app_id, app_secret=options.app_secret, base_url=options.base_url
        )
        endpoint = TokenEndpoint(account, egress=self._egress)
        self._tokens = TokenKeeper(endpoint, store=tokens)
        self._send_url = URL(options.base_url) / "cgi-bin/message/template/send"
        self._url_of_token: tuple[str, URL] = ("", self._send_url)
        self._limited_people: set[str] = set()
        self._unlisted_codes: set[int] = set()
        self.timeout = 2 * options.timeout

    async def send(self, notification: Notification) -> Outcome:
        """Tell once; a refused token is replaced and the same message told again at once."""
        try:
            body = encode(notification, self._options.templates, time_zone=self._options.time_zone)
        except InvalidInput as error:
            return Permanent(code="bad_message", detail=str(error))
        try:
            return await self._send(body, notification)
        except TokenRefused as refused:
            return refused.outcome
        except Exception as error:
            # The contract: a channel answers, whatever happens. The error's text may hold a URL.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("wechat_send_broken", error=type(error).__name__, where=where)
            return Unknown(code="internal", detail=type(error).__name__)

    async def close(self) -> None:
        await self._egress.close()
        await self._store.close()

    async def _send(self, body: bytes, notification: Notification) -> Outcome:
        ends_at = time.monotonic() + self.timeout.total_seconds()
        token = self._tokens.held() or await _within(
            self._options.timeout.total_seconds(), self._tokens.current
        )
        reply = await self._post(token, body, None)
        if isinstance(reply, Reply) and verdict_of_send(reply.errcode) is Verdict.TOKEN:
            left_s = ends_at - time.monotonic()
            failed = token.value
            token = await _within(left_s / 2, lambda: self._tokens.replace(failed))
            left = timedelta(seconds=ends_at - time.monotonic())
            reply = await self._post(token, body, min(left, self._options.timeout))
        if not isinstance(reply, Reply):
            return reply
        return self._judge(reply, token, notification)

    async def _post(self, token: Token, body: bytes, limit: timedelta | None) -> Reply | Outcome:
        try:
            answer = await self._egress.post_json(self._url(token), body, limit=limit)
        except EgressFailed as failure:
            return outcome_of_failure(failure)
        reply = read_reply(answer, hide=token.value)
        return outcome_of_failure(reply) if isinstance(reply, Garbled) else reply

    def _judge(self, reply: Reply, token: Token, notification: Notification) -> Outcome:
        verdict = verdict_of_send(reply.errcode)
        self._alert_unlisted(reply)
        outcome = outcome_of_send(reply, verdict, attempt=notification.attempt, now=self._now())
        if verdict is Verdict.TOKEN and token.was_forced:
            return Paused(code=str(reply.errcode), detail=f"a forced new token too: {reply.errmsg}")
        if verdict is Verdict.PERMANENT_OR_ACCOUNT:
            self._limited_people.add(notification.recipient)
            if len(self._limited_people) >= SUSPECTS_TO_BLAME_THE_ACCOUNT:
                return Paused(code=str(reply.errcode), detail=reply.errmsg)
        elif isinstance(outcome, Sent):
            self._limited_people.clear()
        return outcome

    def _alert_unlisted(self, reply: Reply) -> None:
        if reply.errcode not in VERDICTS and reply.errcode not in self._unlisted_codes:
            self._unlisted_codes.add(reply.errcode)
            log.warning("wechat_errcode_unlisted", errcode=reply.errcode, errmsg=reply.errmsg)

    def _url(self, token: Token) -> URL:
        known, url = self._url_of_token
        if known != token.value:
            url = self._send_url.with_query(access_token=token.value)
            self._url_of_token = (token.value, url)
        return url


async def _within(seconds: float, ask: Callable[[], Awaitable[Token]]) -> Token:
    try:
        async with asyncio.timeout(seconds):
            return await ask()
    except TimeoutError:
        refusal = Retry(code="token_timeout", detail="no token in time; nothing was sent")
        raise TokenRefused(refusal) from None
