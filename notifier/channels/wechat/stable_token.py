"""The call for an access token.

Source: WeChat's page on the stable access token. The normal mode answers the same token to
everybody while it is valid, so that a call too many is harmless; the forced mode makes the present
token invalid, 20 times a day at most and 30 s apart. The secret travels in the body only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson
import structlog
from yarl import URL

from notifier.channels.egress import Egress, EgressFailed, HttpAnswer
from notifier.channels.wechat.verdict import (
    Garbled,
    outcome_of_token_call,
    printable,
    read_reply,
)
from notifier.domain.outcome import Paused, Retry
from notifier.errors import NotifierError

LONGEST_FETCH = timedelta(seconds=5)

log = structlog.get_logger(__name__)


class TokenRefused(NotifierError):
    """There is no token now; nothing was sent. outcome: what that means for a notification."""

    def __init__(self, outcome: Retry | Paused) -> None:
        super().__init__(f"{outcome.code}: {outcome.detail}")
        self.outcome = outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """base_url: https, without a path."""

    app_id: str
    app_secret: str = field(repr=False)
    base_url: str


class TokenEndpoint:
    def __init__(self, account: Account, *, egress: Egress) -> None:
        self.account = account
        self._egress = egress
        self._url = URL(account.base_url) / "cgi-bin/stable_token"

    async def fetch(self, *, force: bool) -> tuple[str, timedelta]:
        """The token and how long WeChat takes it. Raises TokenRefused."""
        answer = await self._call(force)
        reply = read_reply(answer, hide=self.account.app_secret, default_errcode=0)
        if isinstance(reply, Garbled):
            raise TokenRefused(Retry(code=f"token_{reply.code}", detail=reply.detail))
        if reply.errcode != 0:
            raise TokenRefused(outcome_of_token_call(reply, datetime.now(UTC)))
        value, lifetime_s = reply.fields.get("access_token"), reply.fields.get("expires_in")
        if not isinstance(value, str) or not value or type(lifetime_s) is not int:
            raise TokenRefused(Retry(code="token_garbled", detail="no access_token or expires_in"))
        log.info(
            "wechat_token_fetched",
            app_id=self.account.app_id,
            sha256=fingerprint(value),
            expires_in_s=lifetime_s,
            forced=force,
        )
        return value, timedelta(seconds=lifetime_s)

    async def _call(self, force: bool) -> HttpAnswer:
        request = {
            "grant_type": "client_credential",
            "appid": self.account.app_id,
            "secret": self.account.app_secret,
            "force_refresh": force,
        }
        # Ends before the send that waits for it gives up, so that all waiting sends share its fate.
        limit = min(LONGEST_FETCH, self._egress.timeout * 0.7)
        try:
            return await self._egress.post_json(self._url, orjson.dumps(request), limit=limit)
        except EgressFailed as failure:
            detail = printable(failure.detail)
            raise TokenRefused(Retry(code=f"token_{failure.code}", detail=detail)) from None


def fingerprint(secret: str) -> str:
    """Enough to compare two in a log, not enough to use one."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]
